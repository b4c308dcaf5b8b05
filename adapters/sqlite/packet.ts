/**
 * What crosses to the writer: all jobs of one turn of the event loop as one flat list of values, and their bytes in one piece. Nested
 * objects cost three times as much to copy, and each small Buffer would take the whole slab along that it was cut from.
 */

import type { Scalar } from '../store.ts'

/** A value of a packet; `undefined` stands for bytes, and their length follows. */
type Value = string | number | null | undefined

/** Jobs on their way. */
export interface Packet {
  readonly values: readonly Value[]
  readonly bytes: Uint8Array<ArrayBuffer>
}

const BYTES = 32 * 1024

/** Fills packets. */
export class PacketWriter {
  #values: Value[] = []
  #bytes = new Uint8Array(BYTES)
  #length = 0

  get isEmpty(): boolean {
    return this.#values.length === 0
  }

  /** A value. Throws TypeError for what no store takes: no type allows it, and a slip may bring it all the same. */
  put(value: Scalar): void {
    if (typeof value === 'string' || typeof value === 'number' || value === null) this.#values.push(value)
    else if (value instanceof Uint8Array) this.#values.push(undefined, this.#keep(value))
    else throw new TypeError('a unit holds a value that no store takes')
  }

  /** A place for a number that is known later. */
  reserve(): number {
    return this.#values.push(0) - 1
  }

  set(place: number, value: number): void {
    this.#values[place] = value
  }

  /** Where the packet is; `back` takes away what came after. */
  mark(): readonly [values: number, bytes: number] {
    return [this.#values.length, this.#length]
  }

  back([values, bytes]: readonly [values: number, bytes: number]): void {
    this.#values.length = values
    this.#length = bytes
  }

  /** Gives what was put, whose bytes may be handed over, and begins anew. */
  take(): Packet {
    const packet = { values: this.#values, bytes: this.#bytes.slice(0, this.#length) }
    this.#values = []
    this.#length = 0
    return packet
  }

  #keep(bytes: Uint8Array): number {
    const end = this.#length + bytes.length
    if (end > this.#bytes.length) {
      const wider = new Uint8Array(Math.max(end, this.#bytes.length * 2))
      wider.set(this.#bytes.subarray(0, this.#length))
      this.#bytes = wider
    }
    this.#bytes.set(bytes, this.#length)
    this.#length = end
    return bytes.length
  }
}

/** Reads a packet from its beginning. */
export class PacketReader {
  readonly #packet: Packet
  #at = 0
  #byte = 0

  constructor(packet: Packet) {
    this.#packet = packet
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#packet.values.length
  }

  next(): Scalar {
    const value = this.#packet.values[this.#at++]
    if (value !== undefined) return value
    const from = this.#byte
    this.#byte += this.number()
    return this.#packet.bytes.subarray(from, this.#byte)
  }

  /** So many values. */
  many(count: number): Scalar[] {
    const values: Scalar[] = []
    for (let n = 0; n < count; n++) values.push(this.next())
    return values
  }

  number(): number {
    const value = this.#packet.values[this.#at++]
    if (typeof value !== 'number') throw new Error('a packet is not what was sent')
    return value
  }

  text(): string {
    const value = this.#packet.values[this.#at++]
    if (typeof value !== 'string') throw new Error('a packet is not what was sent')
    return value
  }

  /** Goes on at a place that the packet itself named. */
  goTo([values, bytes]: readonly [values: number, bytes: number]): void {
    this.#at = values
    this.#byte = bytes
  }
}
