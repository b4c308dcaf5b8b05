/**
 * Families: one document for each chain of refresh tokens (DESIGN rule 4). Stages what a redemption, a refresh and a
 * replay do to it; the decisions themselves are `rotation`'s.
 */

import type { Doc } from '../../adapters/store.ts'
import { type Clock, seconds } from '../base/index.ts'
import { endOne } from '../revocation/index.ts'
import { standing } from '../rotation/index.ts'
import type { Seal } from '../seal/index.ts'
import { artefacts, type Payload, type Records } from './records.ts'
import type { Work } from './work.ts'

/** A family's parameters, from the lifetimes. Seconds. */
export interface FamilyTimes {
  readonly idle: number
  readonly absolute: number
  readonly grace: number
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

const number = (value: unknown): number => (typeof value === 'number' ? value : 0)

/** The verbs on families. */
export function createFamilies(deps: {
  readonly records: Records
  readonly seal: Seal
  readonly clock: Clock
  readonly times: FamilyTimes
}) {
  const { records, seal, clock, times } = deps
  const headOf = (text: string): string => records.hash('RefreshToken', text)

  /** The end that no use moves: a year, say, after the first token. */
  const absoluteEnd = (payload: Payload): number =>
    number(payload.iiat ?? payload.iat ?? seconds(clock)) + times.absolute

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
      const doc = records.document('Family', work.family.id, payload, {
        family: work.family.id,
        fields: {
          head: null,
          predecessor: null,
          graceUntil: 0,
          idleUntil: 0,
          uses: 0,
          repeats: 0,
          receipt: null,
          receiptKey: null,
        },
      })
      work.unit.insert(artefacts.name, doc)
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
        revoked: doc.revokedAt !== null,
      }
      const stands = standing(facts, headOf(text), seconds(clock))
      if (stands === 'dead') return undefined
      work.family = { text: read.family, id }
      work.presented = { doc, text, standing: stands }
      const payload = await records.open(doc)
      const exp = Math.min(number(doc.fields.idleUntil), absoluteEnd(payload))
      return { ...payload, jti: text, exp, ...(stands === 'replay' ? { consumed: seconds(clock) } : {}) }
    },
    /** Stages a new refresh token: the family's first, or the head that follows the presented one. */
    async put(work: Work, text: string, payload: Payload): Promise<void> {
      const { family, presented } = work
      if (!family) throw new Error('a refresh token without a family')
      const doc = await work.unit.get(artefacts.name, family.id)
      if (!doc) throw new Error('a refresh token whose family was not begun')
      const now = seconds(clock)
      const { jti: _jti, ...kept } = payload
      const { dk, body } = records.reseal(doc, kept)
      const fields = { head: headOf(text), idleUntil: now + times.idle }
      if (!presented) return work.unit.update(artefacts.name, doc, { dk, body, lastUse: now, fields })
      const moved = {
        ...fields,
        predecessor: headOf(presented.text),
        graceUntil: now + times.grace,
        receipt: null,
        receiptKey: null,
      }
      const decider = {
        collection: artefacts.name,
        id: family.id,
        if: { revokedAt: null, fields: { head: headOf(presented.text) } },
        set: { dk, body, lastUse: now, fields: moved },
        increment: { uses: 1 },
      } as const
      work.unit.decide(decider, doc)
      work.unit.note('refresh_token.rotated', {
        family: family.id,
        client_id: payload.clientId,
        rotations: payload.rotations,
      })
    },
    /** Stages a refresh that keeps its token: the write that makes a revocation beside it win or lose. */
    keep(work: Work): void {
      const { presented, family } = work
      if (!presented || !family) throw new Error('no refresh token was presented')
      const now = seconds(clock)
      const set = { lastUse: now, fields: { idleUntil: now + times.idle } }
      work.unit.decide(
        {
          collection: artefacts.name,
          id: family.id,
          if: { revokedAt: null, fields: { head: headOf(presented.text) } },
          set,
          increment: { uses: 1 },
        },
        presented.doc,
      )
    },
    /** Stages a repeat inside the window: counted, and only while the family lives and its successor is unused. */
    repeat(work: Work): void {
      const { presented, family } = work
      if (!presented || !family) throw new Error('no refresh token was presented')
      const { head = null, predecessor = null } = presented.doc.fields
      work.unit.decide(
        {
          collection: artefacts.name,
          id: family.id,
          if: { revokedAt: null, fields: { head, predecessor } },
          set: {},
          increment: { repeats: 1 },
        },
        presented.doc,
      )
      work.unit.note('refresh_token.repeated', { family: family.id })
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
      if (!work.family) return
      endOne(work.unit, { collection: artefacts.name, at: seconds(clock) }, work.family.id)
      work.unit.note('family.revoked', { family: work.family.id, why })
    },
    /** Whether the family of a token still lives; tokens without one are their Grant's alone. */
    async lives(work: Work, token: Pick<Doc, 'family'>): Promise<boolean> {
      if (token.family === null) return true
      const doc = await work.unit.get(artefacts.name, token.family)
      return doc !== undefined && doc.revokedAt === null
    },
  }
}

export type Families = ReturnType<typeof createFamilies>
