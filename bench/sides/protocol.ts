/** What the bench and the servers that it starts say to each other over the channel of their processes. */

/** The three that are measured. */
export type SideName = 'mintmark' | 'stock' | 'bare'

/** An answer that the bare server repeats, byte for byte but for the date. */
export interface Canned {
  readonly path: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: string
}

/** How a side starts. It travels as JSON in the child's arguments. */
export interface SideOrder {
  readonly side: SideName
  readonly port: number
  /** Mintmark only: the file of an embedded store, or a MongoDB address. A store in a fresh folder unless given. */
  readonly database?: string
  readonly canned?: readonly Canned[]
}

/** What a side says once it listens. */
export interface Ready {
  readonly ready: true
  /** API tokens that the client of the bench may introspect; none where the side has no such thing. */
  readonly apiTokens: readonly string[]
}

/** What a side is asked. */
export type Question = 'usage' | 'stop'

/** What its process has used since it started, and what it holds now. */
export interface Usage {
  readonly cpuSeconds: number
  /** The main thread's part of it. */
  readonly mainSeconds: number
  readonly rssBytes: number
}

/** A side that serves, seen from inside its process. */
export interface Running {
  readonly apiTokens: readonly string[]
  stop(): Promise<void>
}

export const isReady = (message: unknown): message is Ready =>
  typeof message === 'object' && message !== null && 'ready' in message && message.ready === true

export const isUsage = (message: unknown): message is Usage =>
  typeof message === 'object' && message !== null && 'cpuSeconds' in message && 'rssBytes' in message
