/**
 * Who may sign reports in the format of GitHub's secret-scanning partners: ECDSA P-256 with SHA-256 over the raw body
 * (docs.github.com, "Secret scanning partner program"). Owns the reporter's public keys: given, or fetched and kept for half an hour.
 */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { z } from 'zod'
import type { Clock } from '../base/index.ts'
import type { Outbound } from '../http/index.ts'
import { refuse } from './errors.ts'

/** Where the reporter's keys come from. */
export interface ReporterKeys {
  /** For example https://api.github.com/meta/public_keys/secret_scanning. */
  readonly url?: string | undefined
  /** Known keys by identifier, as PEM; looked at first. */
  readonly keys?: Readonly<Record<string, string>> | undefined
}

const KEPT_MS = 30 * 60_000
const AGAIN_MS = 60_000
const KEYS_MAX = 64

const answer = z.object({
  public_keys: z.array(z.object({ key_identifier: z.string().max(200), key: z.string().max(4096) })).max(KEYS_MAX),
})

/** A key that such signatures are made with; undefined for every other one. */
function keyOf(pem: string): KeyObject | undefined {
  try {
    const key = createPublicKey(pem)
    return key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : undefined
  } catch {
    return undefined
  }
}

function keysOf(pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, KeyObject> {
  return new Map(
    pairs.flatMap(([id, pem]) => {
      const key = keyOf(pem)
      return key ? [[id, key] as const] : []
    }),
  )
}

/** Checks signatures. Throws TypeError for a configured key that is none. */
export function createReporter(deps: {
  readonly outbound: Outbound
  readonly clock: Clock
  readonly from: ReporterKeys
}) {
  const { outbound, clock, from } = deps
  const given = keysOf(Object.entries(from.keys ?? {}))
  if (given.size !== Object.keys(from.keys ?? {}).length) throw new TypeError("a reporter's key is no P-256 public key")
  let fetched: ReadonlyMap<string, KeyObject> = new Map()
  let fetchedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let running: Promise<void> | undefined

  async function fetchKeys(url: string): Promise<void> {
    const response = await outbound(url, { method: 'GET', headers: { accept: 'application/json' } })
    if (response.status !== 200) throw new Error(`the reporter's keys answered ${response.status}`)
    const { public_keys } = answer.parse(await response.json())
    fetched = keysOf(public_keys.map(({ key_identifier, key }) => [key_identifier, key] as const))
    fetchedAt = clock.now()
  }

  /** Fetches when what is known is too old or does not have the id; at most once a minute, and once for all who wait. */
  async function freshen(id: string): Promise<void> {
    const { url } = from
    const known = fetched.has(id) && clock.now() - fetchedAt < KEPT_MS
    if (url === undefined || known) return
    if (!running && clock.now() - triedAt >= AGAIN_MS) {
      triedAt = clock.now()
      running = fetchKeys(url).finally(() => {
        running = undefined
      })
    }
    await running
  }

  return {
    /** Throws `bad_signature`; `keys_unavailable` when the key could not be asked for. */
    async check(input: { readonly id: string; readonly signature: string; readonly body: Buffer }): Promise<void> {
      if (!given.has(input.id))
        await freshen(input.id).catch((cause: unknown) => {
          throw refuse('keys_unavailable', {}, cause)
        })
      const young = clock.now() - fetchedAt < KEPT_MS
      const key = given.get(input.id) ?? (young ? fetched.get(input.id) : undefined)
      const signature = Buffer.from(input.signature, 'base64')
      if (!key || !verify('sha256', input.body, key, signature))
        throw refuse('bad_signature', { key: input.id.slice(0, 80) })
    },
  }
}

export type Reporter = ReturnType<typeof createReporter>
