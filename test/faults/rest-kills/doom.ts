/** Where a server ends itself, and how: with SIGKILL, at once, nothing said. Spoken between the test, its servers and their writer threads. */

import type { ConfigurationInput } from '../../../src/config/index.ts'

/** Of the servers, and of the app that makes their store. */
export const CONFIGURATION: ConfigurationInput = { tokens: { sensitiveScopes: ['rule'] } }

/** Moments of the writer thread in the transaction of a request: what it has done by then. */
export const WRITER_MOMENTS = ['received', 'written', 'about to commit', 'committed'] as const

/** Where the end is. `at` counts from 1, from the moment that it was told. */
export type Doom =
  | { readonly in: 'nothing' }
  /** A call of the store, or a write of the MongoDB driver. */
  | { readonly in: 'store' | 'driver'; readonly at: number; readonly when: 'before' | 'after' }
  /** Index of `WRITER_MOMENTS`. */
  | { readonly in: 'writer'; readonly at: number }
  /** Told by the parent, so long after it has asked. */
  | { readonly in: 'time'; readonly ms: number }

/** What a server is told. */
export type Told =
  | { readonly do: 'open'; readonly place: string; readonly issuer: string; readonly port: number }
  | { readonly do: 'doom'; readonly doom: Doom }
  | { readonly do: 'count' }

/** What it answers. `count`: the calls of the store since it was told its doom, by name, and the writes of the driver. */
export interface Said {
  readonly calls: readonly string[]
  readonly writes: number
}

/** Ends this process, whichever of its threads calls. */
export function die(): never {
  process.kill(process.pid, 'SIGKILL')
  for (;;);
}
