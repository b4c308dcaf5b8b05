/**
 * The refresh grant: the library's handler between a receipt looked for and a receipt kept (DESIGN section 6).
 * All checks (client, binding, Grant, account, scope) are the library's; they run before the hook decides anything.
 */

import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, decodeProtectedHeader } from 'jose'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { type Clock, seconds } from '../base/index.ts'
import type { ClientRecord, Clients } from '../clients/index.ts'
import type { Verdict } from '../rotation/index.ts'
import type { Families, ReceiptFor } from './family.ts'
import type { Payload } from './records.ts'
import type { DecideRefresh } from './refresh-decision.ts'
import { currentWork, type Work } from './work.ts'

/** What the refresh grant uses. */
export interface RefreshDeps {
  readonly families: Families
  readonly clients: Clients
  readonly clock: Clock
  readonly decision: DecideRefresh
  readonly certificate: (ctx: KoaContextWithOIDC) => string | undefined
}

/** Carries the first answer out of the library's handler, from the hook that runs after all its checks. */
class FirstAnswer extends Error {
  readonly body: Payload
  constructor(body: Payload) {
    super('the answer is a receipt')
    this.body = body
  }
}

const text = (value: unknown): string | null =>
  typeof value === 'string' ? value : Array.isArray(value) ? JSON.stringify(value) : null

const same = (a: ReceiptFor, b: ReceiptFor): boolean =>
  a.scope === b.scope && a.resource === b.resource && a.binding === b.binding

/** RFC 6749, 5.2: the caller hears `invalid_grant` and no more; the reason goes to the log and the record. */
const refused = (why: string): Error => new errors.InvalidGrant(why)

/** Takes scopes from what this refresh and its successor may have. */
function narrow(ctx: KoaContextWithOIDC, scopes: readonly string[] | undefined): void {
  const { RefreshToken: token } = ctx.oidc.entities
  if (!scopes || !token) return
  token.scope = scopes.join(' ')
  const { params } = ctx.oidc
  if (params && typeof params.scope === 'string')
    params.scope = params.scope
      .split(' ')
      .filter((scope) => scopes.includes(scope))
      .join(' ')
}

async function bindingOf(ctx: KoaContextWithOIDC, { certificate: of }: RefreshDeps): Promise<string | null> {
  const certificate = of(ctx)
  const proof = ctx.get('dpop')
  // The library has verified the proof by the time this is compared; here only its key counts.
  const { jwk } = proof ? decodeProtectedHeader(proof) : {}
  if (jwk) return calculateJwkThumbprint(jwk)
  return certificate ? createHash('sha256').update(certificate).digest('base64url') : null
}

/** A repeat inside the window: throws the first answer where it is the same question, else lets the library answer anew. */
async function repeat(
  ctx: KoaContextWithOIDC,
  work: Work,
  record: ClientRecord | undefined,
  deps: RefreshDeps,
): Promise<void> {
  const { families, clock } = deps
  const receipt = await families.openReceipt(work)
  if (!receipt) throw new Error('a family inside its window without a receipt')
  // A limit on clients that loop, not on rivals: those that come at the very same time may pass it.
  if (Number(work.presented?.doc.fields.repeats ?? 0) >= (record?.repeatsMax ?? Number.POSITIVE_INFINITY)) {
    work.unit.note('refresh_token.repeat_refused', { family: work.family?.id, client_id: record?.clientId })
    throw refused('the client has repeated this refresh too often')
  }
  families.repeat(work)
  const asked = { ...(work.asked ?? { scope: null, resource: null }), binding: await bindingOf(ctx, deps) }
  if (!same(receipt.for, asked)) return
  const age = seconds(clock) - receipt.at
  const lifetime = Number(receipt.body.expires_in ?? 0)
  throw new FirstAnswer({ ...receipt.body, expires_in: Math.max(1, lifetime - age) })
}

/** What a verdict does to the family, and whether the token rotates. Throws where it is refused. */
function enforce(ctx: KoaContextWithOIDC, work: Work, verdict: Verdict, families: Families): boolean {
  switch (verdict.do) {
    case 'keep':
      narrow(ctx, verdict.scopes)
      families.keep(work)
      return false
    case 'rotate':
      narrow(ctx, verdict.scopes)
      return true
    case 'deny':
      break
    case 'stepUp':
      families.mark(work, 'step_up', verdict.why)
      break
    case 'quarantine':
      families.mark(work, 'quarantined', verdict.why)
      break
    case 'revoke':
    case 'revokeFamily':
      // A family is the credential here: the one is the other.
      families.end(work, `policy: ${verdict.why}`)
      break
    default:
      verdict.do satisfies never
  }
  throw refused(`rotation policy: ${verdict.do}: ${verdict.why}`)
}

async function decide(
  ctx: KoaContextWithOIDC,
  work: Work,
  record: ClientRecord | undefined,
  deps: RefreshDeps,
): Promise<boolean> {
  const { RefreshToken: token, Client: client } = ctx.oidc.entities
  if (!token || !client) throw new Error('a refresh without token or client')
  const who = { id: client.clientId, public: client.clientAuthMethod === 'none' }
  const refreshed = { ...token, scopes: [...token.scopes] }
  const verdict = await deps.decision.decide(work, { token: refreshed, client: who, record })
  return enforce(ctx, work, verdict, deps.families)
}

/** The verbs of the refresh grant. */
export function createRefresh(deps: RefreshDeps) {
  const { families, clients, clock } = deps

  return {
    /** The library's `rotateRefreshToken`: called after all its checks, before it issues anything. */
    async rotates(ctx: KoaContextWithOIDC): Promise<boolean> {
      const work = currentWork()
      const { presented } = work
      const record = await clients.find(ctx.oidc.client?.clientId ?? '', work.unit)
      if (presented && presented.doc.state !== 'live') throw refused(`the family is held: ${presented.doc.state}`)
      if (presented?.standing === 'late') {
        work.unit.note('refresh_token.late', { family: work.family?.id, client_id: record?.clientId, seen: work.seen })
        throw refused('a late duplicate: its successor is in use')
      }
      if (presented?.standing !== 'grace') return decide(ctx, work, record, deps)
      await repeat(ctx, work, record, deps)
      return false
    },
    /** Wraps the library's handler. */
    wrap: (inner: (ctx: KoaContextWithOIDC) => Promise<void>) => async (ctx: KoaContextWithOIDC) => {
      const work = currentWork()
      // Before anything narrows them: a retry asks in the same words.
      work.asked = { scope: text(ctx.oidc.params?.scope), resource: text(ctx.oidc.params?.resource) }
      try {
        await inner(ctx)
      } catch (cause) {
        if (!(cause instanceof FirstAnswer)) throw cause
        ctx.body = cause.body
        return
      }
      const body = { ...(ctx.body as Payload) }
      if (work.presented?.standing === 'grace') {
        const receipt = await families.openReceipt(work)
        ctx.body = { ...body, refresh_token: receipt?.body.refresh_token }
      } else if (body.refresh_token !== work.presented?.text) {
        const binding = await bindingOf(ctx, deps)
        families.keepReceipt(work, { body, at: seconds(clock), for: { ...work.asked, binding } })
      }
    },
  }
}

export type Refresh = ReturnType<typeof createRefresh>
