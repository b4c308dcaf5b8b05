/** Wrapped secrets. The store holds what only the recipient's key opens, sealed once more under the server's. */

import type { Collection, Doc, NewDoc } from '../../adapters/store.ts'
import { bound, newDoc, TENANT } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'

export const wrapped: Collection = {
  name: 'wrapped',
  indexes: [],
  fields: {
    proof: 'keyed hash of what the recipient shows to prove that it has the key',
    opener: 'keyed hash of the attempt that opened it, so that a retry gets the same answer',
  },
  expires: true,
  about:
    'Secrets on their way to a recipient. The body seals a ciphertext whose key was only in the address, and which token it is. States: waiting, opened, alarmed.',
}

/** What a wrap's body seals. */
export interface WrapBody {
  /** AES-256-GCM under the key from the fragment: nonce, ciphertext and tag, as base64url. */
  readonly ciphertext: string
  /** Public id of the API token inside; null for other secrets. */
  readonly token: string | null
  readonly by: string
}

/** A second opening is noticed for so long after the end: who comes too late must learn that somebody came before. */
export const WATCHED_SECONDS = 24 * 3600

export const proofHash = (seal: Pick<Seal, 'hash'>, id: string, proof: string): string =>
  seal.hash('lookup', TENANT, 'wrap proof', `${id} ${proof}`)

export const openerHash = (seal: Pick<Seal, 'hash'>, id: string, opener: string): string =>
  seal.hash('lookup', TENANT, 'wrap opener', `${id} ${opener}`)

/** The document of a wrap. Times in Unix seconds. */
export function wrapDoc(
  seal: Seal,
  input: {
    readonly id: string
    readonly at: number
    readonly exp: number
    readonly proof: string
    readonly body: WrapBody
  },
): NewDoc {
  const columns = bound({ tenant: TENANT, kind: 'wrapped', id: input.id, iat: input.at })
  return newDoc(columns, {
    hk: seal.hk,
    ...seal.seal(columns, Buffer.from(JSON.stringify(input.body))),
    exp: input.exp,
    purgeAt: input.exp + WATCHED_SECONDS,
    state: 'waiting',
    fields: { proof: proofHash(seal, input.id, input.proof), opener: null },
  })
}

/** Opens a wrap's body: these bytes were a WrapBody when they were sealed. */
export async function wrapBodyOf(seal: Seal, doc: Doc): Promise<WrapBody> {
  return JSON.parse((await seal.open(doc)).toString()) as WrapBody
}
