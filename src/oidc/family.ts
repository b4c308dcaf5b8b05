/**
 * Families: one document for each chain of refresh tokens (DESIGN rule 4). Stages what a redemption, a refresh and a
 * replay do to it; the decisions themselves are `rotation`'s.
 */

import type { Decider, Doc } from '../../adapters/store.ts'
import { type Clock, seconds } from '../base/index.ts'
import type { SeenFrom } from '../config/index.ts'
import { endOne } from '../revocation/index.ts'
import { standing } from '../rotation/index.ts'
import type { Seal } from '../seal/index.ts'
import { artefacts, type Payload, type Records } from './records.ts'
import type { PresentedRefresh, Work, WorkFamily } from './work.ts'

/** A family's parameters, from the lifetimes. Seconds. */
export interface FamilyTimes {
  readonly idle: number
  readonly absolute: number
}

/** What the last answer was given for; a repeat for the same gets the same answer. */
export interface ReceiptFor {
  readonly scope: string | null
  readonly resource: string | null
  /** Thumbprint of the key or certificate that the answer's access token is bound to. */
  readonly binding: string | null
}

/** A sealed answer. `at` in Unix seconds. */
export interface Receipt {
  readonly body: Payload
  readonly at: number
  readonly for: ReceiptFor
}

/** States that hold a family until a new sign-in or a release. */
export type Mark = 'step_up' | 'quarantined'

/** How many tokens of a window's past are told from replays. A client that turns more over in a minute is no client. */
const RECENT_MAX = 16

const number = (value: unknown): number => (typeof value === 'number' ? value : 0)

type Recent = readonly (readonly [hash: string, until: number])[]

/** Written by `recentOf` below, in clear: hashes and times. */
function readRecent(value: unknown): Recent {
  return typeof value === 'string' ? (JSON.parse(value) as Recent) : []
}

/** The tokens whose window still runs once `predecessor` gives way to the next. */
function recentOf(doc: Doc, now: number): string | null {
  const { predecessor, graceUntil } = doc.fields
  const before = readRecent(doc.fields.recent)
  const all: Recent = typeof predecessor === 'string' ? [...before, [predecessor, number(graceUntil)]] : before
  const left = all.filter(([, until]) => until > now).slice(-RECENT_MAX)
  return left.length === 0 ? null : JSON.stringify(left)
}

const sameSeen = (a: SeenFrom | undefined, b: SeenFrom): boolean =>
  a?.network === b.network && a?.country === b.country && a?.agent === b.agent

function dealt(work: Work): { readonly presented: PresentedRefresh; readonly family: WorkFamily } {
  const { presented, family } = work
  if (!presented || !family) throw new Error('no refresh token was presented')
  return { presented, family }
}

/** The verbs on families. */
export function createFamilies(deps: {
  readonly records: Records
  readonly seal: Seal
  readonly clock: Clock
  readonly times: FamilyTimes
}) {
  const { records, seal, clock, times } = deps
  const headOf = (text: string): string => records.hash('RefreshToken', text)

  /** The end that no use moves. Configuration may bring it nearer, never further: it stands in the family from its first day. */
  const absoluteEnd = (doc: Pick<Doc, 'fields'>, payload: Payload): number => {
    const configured = number(payload.iiat ?? payload.iat ?? seconds(clock)) + times.absolute
    return typeof doc.fields.absoluteUntil === 'number' ? Math.min(doc.fields.absoluteUntil, configured) : configured
  }

  /** The one condition of every refresh: this token is the head, of a family that nobody ended or holds. */
  const whileHead = (presented: PresentedRefresh): Decider['if'] => ({
    revokedAt: null,
    state: 'live',
    fields: { head: presented.head },
  })

  const idleEnd = (work: Work, now: number): number =>
    now + Math.min(times.idle, work.verdict?.lifetimeSeconds ?? times.idle)

  return {
    /** Stages the family of a redemption: it stands before the first token, so that a replay has something to end. */
    begin(work: Work, source: Payload): void {
      if (!work.family) throw new Error('a redemption without a family')
      const now = seconds(clock)
      const payload = {
        accountId: source.accountId,
        clientId: source.clientId,
        grantId: source.grantId,
        sessionUid: source.sessionUid,
        iat: now,
        exp: now + times.absolute,
      }
      const fields = {
        head: null,
        predecessor: null,
        graceUntil: 0,
        idleUntil: 0,
        absoluteUntil: now + times.absolute,
        uses: 0,
        repeats: 0,
        recent: null,
        rotateNext: null,
        receipt: null,
        receiptKey: null,
      }
      work.unit.insert(
        artefacts.name,
        records.document('Family', work.family.id, payload, { family: work.family.id, fields }),
      )
    },
    /** Finds a refresh token by the family that its text names. Forged ones cost no read. */
    async find(work: Work, text: string): Promise<Payload | undefined> {
      const read = seal.read('rt', text)
      if (!read) return undefined
      const id = records.id('Family', read.family)
      const doc = await work.unit.get(artefacts.name, id)
      if (!doc || typeof doc.fields.head !== 'string') return undefined
      const facts = {
        head: doc.fields.head,
        predecessor: typeof doc.fields.predecessor === 'string' ? doc.fields.predecessor : null,
        graceUntil: number(doc.fields.graceUntil),
        recent: readRecent(doc.fields.recent),
        revoked: doc.revokedAt !== null,
      }
      const head = headOf(text)
      const stands = standing(facts, head, seconds(clock))
      if (stands === 'dead') return undefined
      // Introspection tells of the one live token of a family; one that only gets its first answer again is not it.
      if (work.route === 'introspection' && (stands !== 'head' || doc.state !== 'live')) return undefined
      work.family = { text: read.family, id }
      const { mmSeen, ...payload } = await records.open(doc)
      // Sealed by `put` and `keep` below: it was what a request was seen from.
      work.presented = { doc, text, head, standing: stands, payload, seen: mmSeen as SeenFrom | undefined }
      const exp = Math.min(number(doc.fields.idleUntil), absoluteEnd(doc, payload))
      return { ...payload, jti: text, exp, ...(stands === 'replay' ? { consumed: seconds(clock) } : {}) }
    },
    /** Stages a new refresh token: the family's first, or the head that follows the presented one. */
    async put(work: Work, text: string, payload: Payload): Promise<void> {
      const { family, presented, verdict } = work
      if (!family) throw new Error('a refresh token without a family')
      const doc = await work.unit.get(artefacts.name, family.id)
      if (!doc) throw new Error('a refresh token whose family was not begun')
      const now = seconds(clock)
      const { jti: _jti, ...kept } = payload
      const { dk, body } = records.reseal(doc, { ...kept, mmSeen: work.seen })
      const fields = { head: headOf(text), idleUntil: idleEnd(work, now) }
      if (!presented) return work.unit.update(artefacts.name, doc, { dk, body, lastUse: now, fields })
      const moved = {
        ...fields,
        predecessor: presented.head,
        // Where clients do not rotate, the key is the credential: a retry succeeds until the successor is used (FAPI 2.0).
        graceUntil: verdict?.untilUsed ? absoluteEnd(doc, payload) : now + (verdict?.graceSeconds ?? 0),
        recent: recentOf(presented.doc, now),
        repeats: 0,
        rotateNext: null,
        receipt: null,
        receiptKey: null,
      }
      work.unit.decide(
        {
          collection: artefacts.name,
          id: family.id,
          if: whileHead(presented),
          set: { dk, body, lastUse: now, fields: moved },
          increment: { uses: 1 },
        },
        doc,
      )
      work.unit.note(
        'refresh_token.rotated',
        { family: family.id, client_id: payload.clientId, rotations: payload.rotations },
        'written',
      )
    },
    /** Stages a refresh that keeps its token: the write that makes a revocation beside it win or lose. */
    keep(work: Work): void {
      const { presented, family } = dealt(work)
      const now = seconds(clock)
      const moved = sameSeen(presented.seen, work.seen)
        ? {}
        : records.reseal(presented.doc, { ...presented.payload, mmSeen: work.seen })
      const { exp: _exp, purgeAt: _purgeAt, ...body } = { exp: null, purgeAt: null, ...moved }
      // Its use ends the window of the one before: whoever has this one has had the answer.
      const closed =
        typeof presented.doc.fields.predecessor === 'string'
          ? { predecessor: null, graceUntil: 0, recent: recentOf(presented.doc, now), receipt: null, receiptKey: null }
          : {}
      const set = { ...body, lastUse: now, fields: { idleUntil: idleEnd(work, now), ...closed } }
      const decider = {
        collection: artefacts.name,
        id: family.id,
        if: whileHead(presented),
        set,
        increment: { uses: 1 },
      }
      work.unit.decide(decider, presented.doc)
    },
    /** Stages a repeat inside the window: counted, and only while the family lives and its successor is unused. */
    repeat(work: Work): void {
      const { presented, family } = dealt(work)
      const { head = null, predecessor = null } = presented.doc.fields
      work.unit.decide(
        {
          collection: artefacts.name,
          id: family.id,
          if: { revokedAt: null, state: 'live', fields: { head, predecessor } },
          set: {},
          increment: { repeats: 1 },
        },
        presented.doc,
      )
      work.unit.note('refresh_token.repeated', { family: family.id }, 'written')
    },
    /** Puts the answer into the very write that rotates (a receipt apart could be overwritten by a loser). */
    keepReceipt(work: Work, receipt: Receipt): void {
      const { presented, family } = work
      if (!presented || !family) return
      const sealed = seal.sealUnder(presented.text, family.id, Buffer.from(JSON.stringify(receipt)))
      work.unit.amendDecider({ fields: { receipt: sealed.body, receiptKey: sealed.dk } })
    },
    /** The answer that the presented token got the first time. */
    async openReceipt(work: Work): Promise<Receipt | undefined> {
      const { presented, family } = work
      if (!presented || !family) return undefined
      const { receipt, receiptKey } = presented.doc.fields
      if (!(receipt instanceof Uint8Array) || typeof receiptKey !== 'string') return undefined
      const plain = await seal.openUnder(presented.text, family.id, { dk: receiptKey, body: receipt })
      // Sealed by `keepReceipt` above: these bytes were a Receipt.
      return JSON.parse(plain.toString()) as Receipt
    },
    /** Stages the end of the family that this request deals with: its tokens are dead, its Grant's other families live on. */
    end(work: Work, why: string): void {
      if (!work.family || work.unit.revokes(artefacts.name, work.family.id)) return
      endOne(work.unit, { collection: artefacts.name, at: seconds(clock) }, work.family.id)
      const { accountId, clientId } = work.presented?.payload ?? {}
      const who = { family: work.family.id, client_id: clientId, account: accountId, seen: work.seen }
      if (work.presented?.standing === 'replay')
        work.unit.note('refresh_token.replayed', { ...who, rotated_at: work.presented.doc.lastUse })
      work.unit.note('family.revoked', { ...who, why: work.presented?.standing === 'replay' ? 'replay' : why })
    },
    /** Stages a hold that a new sign-in gets round and a release takes back; it stays whatever the answer is. */
    mark(work: Work, mark: Mark, why: string): void {
      const { family } = dealt(work)
      work.unit.revoke({ collection: artefacts.name, target: { id: family.id }, at: seconds(clock), mark })
      work.unit.note('family.held', { family: family.id, mark, why })
    },
    /** The two ends of the presented token's family, Unix seconds: the one that use moves, and the one that nothing moves. */
    ends(work: Work): { readonly idle: number; readonly absolute: number } | undefined {
      const { presented } = work
      if (!presented) return undefined
      const { doc, payload } = presented
      return { idle: number(doc.fields.idleUntil), absolute: absoluteEnd(doc, payload) }
    },
    /** Whether the family of a token still lives; tokens without one are their Grant's alone. */
    async lives(work: Pick<Work, 'unit'>, token: Pick<Doc, 'family'>): Promise<boolean> {
      if (token.family === null) return true
      const doc = await work.unit.get(artefacts.name, token.family)
      return doc !== undefined && doc.revokedAt === null && doc.state !== 'quarantined'
    },
  }
}

export type Families = ReturnType<typeof createFamilies>
