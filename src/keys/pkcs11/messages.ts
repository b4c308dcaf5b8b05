/** What the server and the process with the PKCS#11 module say to each other, over Node's IPC (structured clone). */

import type { JWK } from 'jose'
import type { Algorithm } from '../signers.ts'

/** A key in the token is known by its CKA_ID, in hexadecimal. */
export interface KeyName {
  readonly id: string
}

/** What a verb is given and what it gives. */
export interface Verbs {
  /** Loads the module, finds the token and signs in. First of all, and once in a process. The PIN travels here and nowhere else. */
  readonly start: { readonly ask: Start; readonly answer: { readonly algorithms: readonly Algorithm[] } }
  readonly generate: {
    readonly ask: { readonly alg: Algorithm }
    readonly answer: KeyName & { readonly publicJwk: JWK }
  }
  readonly sign: {
    readonly ask: KeyName & { readonly alg: Algorithm; readonly data: Uint8Array }
    readonly answer: Uint8Array
  }
  /** Both halves of a key pair. Those that are gone are destroyed. */
  readonly destroy: { readonly ask: KeyName; readonly answer: null }
  readonly ready: { readonly ask: null; readonly answer: null }
  readonly makeMaster: { readonly ask: { readonly label: string }; readonly answer: KeyName }
  /** All AES keys with this label: the caller wants one. */
  readonly findMasters: { readonly ask: { readonly label: string }; readonly answer: readonly KeyName[] }
  /** AES-256-GCM: ciphertext and tag. */
  readonly encrypt: { readonly ask: Sealing; readonly answer: Uint8Array }
  readonly decrypt: { readonly ask: Sealing; readonly answer: Uint8Array }
  /** Signs out and ends the process. */
  readonly end: { readonly ask: null; readonly answer: null }
}
export type Verb = keyof Verbs

export interface Start {
  readonly modulePath: string
  readonly tokenLabel: string
  readonly pin: string
  readonly sessions: number
}

export interface Sealing extends KeyName {
  readonly nonce: Uint8Array
  readonly aad: Uint8Array
  readonly data: Uint8Array
}

/** One call. After `until` (milliseconds of the epoch) nobody waits for the answer: it is not worth beginning. */
export type Call = {
  [V in Verb]: { readonly n: number; readonly until: number; readonly verb: V; readonly ask: Verbs[V]['ask'] }
}[Verb]

/** Why a call has no answer. `away`: not now. `refused`: never. The others: what an operator has to mend. */
export type Fault = 'away' | 'refused' | 'pin' | 'token' | 'module'

/** The answer to the call `n`. */
export type Answer =
  | { readonly n: number; readonly done: Verbs[Verb]['answer'] }
  | { readonly n: number; readonly fault: Fault; readonly message: string }
