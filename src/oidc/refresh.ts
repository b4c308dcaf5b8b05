/**
 * The refresh grant: the library's handler between a receipt looked for and a receipt kept (DESIGN section 6).
 * All checks (client, binding, Grant, account, scope) are the library's; they run before the hook decides anything.
 */

import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, decodeProtectedHeader } from 'jose'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { type Clock, seconds } from '../base/index.ts'
import type { Clients } from '../clients/index.ts'
import type { RefreshFacts, RotationHook } from '../config/index.ts'
import { decideRefresh } from '../rotation/index.ts'
import type { Families, ReceiptFor } from './family.ts'
import type { Payload } from './records.ts'
import { currentWork, type Work } from './work.ts'

/** What the refresh grant uses. */
export interface RefreshDeps {
  readonly families: Families
  readonly clients: Clients
  readonly clock: Clock
  readonly hook: RotationHook | undefined
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

function factsOf(ctx: KoaContextWithOIDC, now: number, label: string | undefined): RefreshFacts {
  const { RefreshToken: token, Client: client } = ctx.oidc.entities
  if (!token || !client) throw new Error('a refresh without token or client')
  const iat = token.iat ?? now
  const exp = token.exp ?? now
  const age = now - iat
  return {
    event: 'refresh',
    now,
    credential: {
      kind: 'refresh_token',
      ageSeconds: age,
      familyAgeSeconds: token.totalLifetime(),
      lifetimeShare: exp > iat ? Math.min(1, age / (exp - iat)) : 1,
      rotations: token.rotations ?? 0,
      senderConstrained: token.isSenderConstrained(),
      scopes: [...token.scopes],
    },
    client: { id: client.clientId, public: client.clientAuthMethod === 'none', label },
  }
}

/** The verbs of the refresh grant. */
export function createRefresh(deps: RefreshDeps) {
  const { families, clients, clock } = deps

  async function askedFor(ctx: KoaContextWithOIDC): Promise<ReceiptFor> {
    const { scope, resource } = ctx.oidc.params ?? {}
    const certificate = deps.certificate(ctx)
    const proof = ctx.get('dpop')
    // The library has verified the proof by the time this is compared; here only its key counts.
    const { jwk } = proof ? decodeProtectedHeader(proof) : {}
    const binding = jwk
      ? await calculateJwkThumbprint(jwk)
      : certificate
        ? createHash('sha256').update(certificate).digest('base64url')
        : null
    return { scope: text(scope), resource: text(resource), binding }
  }

  const same = (a: ReceiptFor, b: ReceiptFor): boolean =>
    a.scope === b.scope && a.resource === b.resource && a.binding === b.binding

  async function repeat(ctx: KoaContextWithOIDC, work: Work): Promise<boolean> {
    const receipt = await families.openReceipt(work)
    if (!receipt) throw new Error('a family inside its window without a receipt')
    families.repeat(work)
    if (!same(receipt.for, await askedFor(ctx))) return false
    const age = seconds(clock) - receipt.at
    const lifetime = Number(receipt.body.expires_in ?? 0)
    throw new FirstAnswer({ ...receipt.body, expires_in: Math.max(1, lifetime - age) })
  }

  return {
    /** The library's `rotateRefreshToken`: called after all its checks, before it issues anything. */
    async rotates(ctx: KoaContextWithOIDC): Promise<boolean> {
      const work = currentWork()
      if (work.presented?.standing === 'grace') return repeat(ctx, work)
      const clientId = ctx.oidc.client?.clientId ?? ''
      const record = await clients.find(clientId, work.unit)
      const decision = await decideRefresh(
        factsOf(ctx, seconds(clock), record?.label),
        { neverRotate: record?.fapi ?? false },
        deps.hook,
      )
      work.unit.note('refresh.decided', { client_id: clientId, do: decision.do, why: decision.why })
      if (decision.do === 'keep') families.keep(work)
      return decision.do === 'rotate'
    },
    /** Wraps the library's handler. */
    wrap: (inner: (ctx: KoaContextWithOIDC) => Promise<void>) => async (ctx: KoaContextWithOIDC) => {
      const work = currentWork()
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
        families.keepReceipt(work, { body, at: seconds(clock), for: await askedFor(ctx) })
      }
    },
  }
}

export type Refresh = ReturnType<typeof createRefresh>
