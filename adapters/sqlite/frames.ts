/**
 * Messages on a stream socket between a process and the writer: four bytes of length, then what `postMessage` would have copied.
 * Both ends are the same build on the same machine; nobody else may open the socket (mode 0600 in a folder of mode 0700).
 */

import { deserialize, serialize } from 'node:v8'

const HEAD_BYTES = 4

/** A message as bytes. Throws where it can't be copied (a function in it). */
export function frame(message: unknown): Buffer {
  const body = serialize(message)
  const whole = Buffer.allocUnsafe(HEAD_BYTES + body.length)
  whole.writeUInt32LE(body.length)
  body.copy(whole, HEAD_BYTES)
  return whole
}

/** Takes chunks as they come and gives whole messages. What was cut off by the sender's death is never a message. */
export function frameReader(onMessage: (message: unknown) => void): (chunk: Buffer) => void {
  let kept: Buffer[] = []
  let length = 0
  let wanted = HEAD_BYTES
  return (chunk) => {
    kept.push(chunk)
    length += chunk.length
    if (length < wanted) return
    const all = kept.length === 1 ? chunk : Buffer.concat(kept)
    let at = 0
    wanted = HEAD_BYTES
    while (all.length - at >= HEAD_BYTES) {
      const size = HEAD_BYTES + all.readUInt32LE(at)
      if (at + size > all.length) {
        wanted = size
        break
      }
      onMessage(deserialize(all.subarray(at + HEAD_BYTES, at + size)))
      at += size
    }
    kept = at < all.length ? [all.subarray(at)] : []
    length = all.length - at
  }
}
