/**
 * The other processes of one machine at the writer: each has a line, a Unix socket that ends in the writer thread itself. The
 * thread that owns the lock copies nothing and waits for nobody; what all lines brought in one turn is one transaction.
 */

import { chmodSync, rmSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { frame, frameReader } from './frames.ts'
import type { Packet } from './packet.ts'
import type { Answered } from './writer.ts'

/** One who sends jobs. */
export interface Line {
  tell(answered: Answered): void
  /** Nothing more is told. */
  end(): void
}

/**
 * Listens on `path` for lines. `take` gets what a line sends; 'close' is its last word. A line that breaks off has sent whole
 * jobs or nothing: whole ones are done, though nobody hears of it. Resolves, once it listens, to what ends it and every line.
 */
export async function listenLines(
  path: string,
  take: (line: Line, packet: Packet | 'close') => void,
): Promise<() => void> {
  // Stale: whoever holds the store's lock is the only one who may listen here.
  rmSync(path, { force: true })
  const open = new Set<Socket>()
  const server = createServer((socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    const line: Line = {
      tell: (answered) => void (socket.writable && socket.write(frame(answered))),
      end: () => void socket.end(),
    }
    // Whoever was at the other end is gone.
    socket.on('error', () => socket.destroy())
    socket.on(
      'data',
      frameReader((message) => take(line, message as Packet | 'close')),
    )
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return () => {
    server.close()
    for (const socket of open) socket.destroy()
    rmSync(path, { force: true })
  }
}
