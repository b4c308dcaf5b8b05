/** What the bench and its generator say to each other. Structured clones, so that a sample travels as it is. */

import type { WorkName } from '../works/names.ts'

/** One load. */
export interface LoadOrder {
  readonly port: number
  readonly apiTokens: readonly string[]
  readonly work: WorkName
  /** Tokens to introspect, where they are not to be fresh ones. */
  readonly tokens?: readonly string[]
  readonly connections: number
  readonly seconds: number
  /** A closed loop ends with so many units, if the time is not over before. */
  readonly units?: number
  /** Units a second of an open loop; a closed loop where it is not given. */
  readonly rate?: number
  /** Makes what the work needs, and plays nothing. */
  readonly prepareOnly?: boolean
}

/** What a loop found. `late`: units of an open loop that were never answered or never began. */
export interface Sample {
  readonly units: number
  /** Of each request, in milliseconds: a unit of several has several. */
  readonly latencies: Float64Array
  readonly seconds: number
  readonly late: number
}

/** A sample, and how busy the generator was: near 1, it was what was measured. */
export interface Loaded extends Sample {
  readonly generatorShare: number
  /** Whether the work had to make what it needs: the server may still be at it. */
  readonly isFresh: boolean
}

export type Reply = { readonly loaded: Loaded } | { readonly failed: string }

export const isReply = (message: unknown): message is Reply =>
  typeof message === 'object' && message !== null && ('loaded' in message || 'failed' in message)
