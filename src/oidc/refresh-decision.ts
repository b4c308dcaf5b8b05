/** What the rotation policies say of a refresh (DESIGN section 6): the same function for the library's grant and for the lane. */

import { type Clock, seconds } from '../base/index.ts'
import type { ClientRecord } from '../clients/index.ts'
import type { RotationFacts } from '../config/index.ts'
import type { Engine, Verdict } from '../rotation/index.ts'
import type { Decided, Work } from './work.ts'

/** The refresh token as far as a policy may know of it. Times in Unix seconds. */
export interface RefreshedToken {
  readonly iat?: number | undefined
  readonly exp?: number | undefined
  /** When the first of its chain was issued. */
  readonly iiat?: number | undefined
  readonly rotations?: number | undefined
  readonly jkt?: string | undefined
  readonly 'x5t#S256'?: string | undefined
  readonly scopes: readonly string[]
  readonly accountId?: string | undefined
  readonly authTime?: number | undefined
}

/** A refresh that stands before the policies. */
export interface Refreshed {
  readonly token: RefreshedToken
  readonly client: { readonly id: string; readonly public: boolean }
  readonly record: ClientRecord | undefined
}

/** What the decision uses. Lifetimes in seconds. */
export interface DecisionDeps {
  readonly clock: Clock
  readonly engine: Pick<Engine, 'decide'>
  readonly lifetimes: { readonly idle: number; readonly grace: number }
}

/** Decides refreshes. */
export interface DecideRefresh {
  /** Asks the policies, notes what they decide in the work's unit and leaves the verdict in the work. */
  decide(work: Work, refreshed: Refreshed): Promise<Verdict>
  /** What was decided holds for the library's run of the same request: policies, webhooks among them, hear of one refresh once. */
  hand(work: Work): void
}

const boundTo = (token: RefreshedToken): 'dpop' | 'mtls' | 'none' =>
  token.jkt ? 'dpop' : token['x5t#S256'] ? 'mtls' : 'none'

function factsOf(
  work: Work,
  { token, client, record }: Refreshed,
  { now, limits }: { readonly now: number; readonly limits: RotationFacts['limits'] },
): RotationFacts {
  const { presented, family } = work
  if (!presented || !family) throw new Error('a refresh without token or client')
  const iat = token.iat ?? now
  const exp = token.exp ?? now
  const age = Math.max(0, now - iat)
  return {
    event: 'refresh',
    now,
    credential: {
      kind: 'refresh_token',
      id: family.id,
      ageSeconds: age,
      chainAgeSeconds: Math.max(0, now - (token.iiat ?? iat)),
      idleSeconds: Math.max(0, now - (presented.doc.lastUse ?? iat)),
      lifetimeShare: exp > iat ? Math.min(1, age / (exp - iat)) : 1,
      rotations: token.rotations ?? 0,
      bound: boundTo(token),
      scopes: token.scopes,
      last: presented.seen && { ...presented.seen },
    },
    client: { ...client, fapi: record?.fapi ?? false, label: record?.label },
    subject: { id: token.accountId ?? '', authTime: token.authTime },
    request: { ...work.seen },
    limits,
  }
}

/** What goes into the record: enough to see why, and to replay the decision through another policy. */
const recorded = ({ opinions, shadow, do: decided, why, limits, notify }: Verdict, facts: RotationFacts) => ({
  client_id: facts.client?.id,
  account: facts.subject?.id,
  family: facts.credential.id,
  do: decided,
  why,
  limits,
  notify,
  opinions,
  shadow,
  facts,
})

/** Decisions at most that wait for the library: each is taken in the same tick that it is handed over, unless a rival came between. */
const HANDED_MAX = 1000

/** Makes the decision. */
export function createDecideRefresh({ clock, engine, lifetimes }: DecisionDeps): DecideRefresh {
  const handed = new Map<string, Decided>()

  async function decided(work: Work, refreshed: Refreshed): Promise<Decided> {
    const { record } = refreshed
    const graceSecondsMax = record?.graceSeconds ?? lifetimes.grace
    const limits = { neverRotate: record?.fapi ?? false, lifetimeSecondsMax: lifetimes.idle, graceSecondsMax }
    const facts = factsOf(work, refreshed, { now: seconds(clock), limits })
    return { rev: work.presented?.doc.rev ?? 0, facts, verdict: await engine.decide(facts) }
  }

  return {
    async decide(work, refreshed) {
      const { request } = work.unit
      const { doc } = work.presented ?? {}
      const before = handed.get(request)
      handed.delete(request)
      const now = before && before.rev === doc?.rev ? before : await decided(work, refreshed)
      const { facts, verdict: said } = now
      const forced = doc?.fields.rotateNext === 1 && said.do === 'keep'
      const verdict: Verdict = forced ? { ...said, do: 'rotate', why: 'asked for by an administrator' } : said
      work.decided = now
      work.verdict = { ...verdict, untilUsed: refreshed.record?.fapi ?? false }
      work.unit.note('rotation.decided', recorded(verdict, facts))
      return verdict
    },
    hand({ unit, decided: made }) {
      const [oldest] = handed.keys()
      if (handed.size >= HANDED_MAX && oldest !== undefined) handed.delete(oldest)
      if (made) handed.set(unit.request, made)
    },
  }
}
