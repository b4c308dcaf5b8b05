/** Who asks a lane: a client with a secret (RFC 6749, 2.3.1) or, where that is allowed, a public one. Every refusal is the library's. */

import type { Client } from 'oidc-provider'
import type { ClientRecord, Clients } from '../../clients/index.ts'
import type { LaneRequest, PlainForm } from './request.ts'

/** A client as the library made it of our record, and the record. */
export interface Caller {
  readonly record: ClientRecord
  readonly client: Client
}

/** What finding a caller uses. `library`: the library's own client of a record; undefined where it refuses the metadata. */
export interface CallerDeps {
  readonly clients: Pick<Clients, 'find' | 'secretMatches'>
  readonly library: (clientId: string) => Promise<Client | undefined>
}

interface Presented {
  readonly id: string
  readonly secret: string | undefined
}

const SECRET_METHODS: readonly unknown[] = ['client_secret_basic', 'client_secret_post']
/** Visible ASCII: what a form may hold of an id or a secret (RFC 6749, appendix A). */
const VISIBLE = /^[\x20-\x7e]+$/

function decoded(text: string): string | undefined {
  if (!text.includes('%') && !text.includes('+')) return text
  try {
    return decodeURIComponent(text.replaceAll('+', '%20'))
  } catch {
    return undefined
  }
}

function fromHeader(authorization: string): Presented | undefined {
  const [, encoded] =
    /^Basic ((?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)$/.exec(authorization) ?? []
  if (!encoded) return undefined
  const text = Buffer.from(encoded, 'base64').toString('latin1')
  const colon = text.indexOf(':')
  if (colon < 1) return undefined
  const [id, secret] = [decoded(text.slice(0, colon)), decoded(text.slice(colon + 1))]
  return id && secret && VISIBLE.test(id) && VISIBLE.test(secret) ? { id, secret } : undefined
}

/** What a request presents by one mechanism alone; undefined where it is none, two, or another one. */
function presented(form: PlainForm, authorization: string | undefined): Presented | undefined {
  const { client_id: id, client_secret: secret } = form
  if (authorization === undefined) return id === undefined || !VISIBLE.test(id) ? undefined : { id, secret }
  const given = secret === undefined ? fromHeader(authorization) : undefined
  return given && (id === undefined || id === given.id) ? given : undefined
}

/** Bound tokens, FAPI and secrets that end are not plain. */
function isPlain({ record, client }: Caller): boolean {
  return !(
    record.fapi ||
    client.dpopBoundAccessTokens ||
    client.tlsClientCertificateBoundAccessTokens ||
    client.clientSecretExpiresAt
  )
}

/** Says who asks: undefined for whoever is not plainly a client that may. */
export function createCallers({ clients, library }: CallerDeps) {
  const seen = new WeakMap<ClientRecord, Promise<Client | undefined>>()

  async function callerOf(id: string): Promise<Caller | undefined> {
    const record = await clients.find(id)
    if (!record) return undefined
    let made = seen.get(record)
    if (!made) {
      made = library(id)
      seen.set(record, made)
      made.catch(() => seen.delete(record))
    }
    const client = await made
    return client && { record, client }
  }

  return {
    /** The library's client of an id; undefined where there is none that may be used. */
    client: async (id: string): Promise<Client | undefined> => (await callerOf(id))?.client,
    async of(form: PlainForm, { headers }: LaneRequest): Promise<Caller | undefined> {
      const given = presented(form, headers.authorization)
      const caller = given && (await callerOf(given.id))
      if (!caller || !isPlain(caller)) return undefined
      const method = caller.client.clientAuthMethod
      if (given.secret === undefined) return method === 'none' ? caller : undefined
      return SECRET_METHODS.includes(method) && clients.secretMatches(caller.record, given.secret) ? caller : undefined
    },
  }
}

export type Callers = ReturnType<typeof createCallers>
