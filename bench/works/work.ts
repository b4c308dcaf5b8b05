/** What a work is: what it asks of a server, what it is compared with, and what it should reach. */

import type { Player } from '../generator/player.ts'
import type { SideName } from '../sides/protocol.ts'
import type { WorkName } from './names.ts'

/** Whom the generator plays against. */
export interface Target {
  readonly port: number
  readonly apiTokens: readonly string[]
  /** Tokens to introspect, where they are not to be fresh ones. */
  readonly tokens?: readonly string[]
}

/** What a work is compared with in the same rounds. */
export interface Yardstick {
  readonly side: Exclude<SideName, 'mintmark'>
  /** Stock has no API tokens, and refuses to introspect JWTs: these are compared with its opaque tokens. */
  readonly work: WorkName
}

/** A work. */
export interface Work {
  readonly name: WorkName
  readonly title: string
  /** Whether a unit is durable before it is answered: it decides which latency is asked. */
  readonly kind: 'read' | 'write'
  /** The first is what the goal is about. */
  readonly yardsticks: readonly [Yardstick, ...Yardstick[]]
  /** How many times cheaper and faster than the first yardstick it should be. */
  readonly goal: number
  /** Whether it is measured on MongoDB too: reads of what does not lie in the store would say nothing. */
  readonly storeMatters: boolean
  /** Makes the players, and whatever they need in the server. */
  prepare(target: Target, count: number): Promise<readonly Player[]>
}
