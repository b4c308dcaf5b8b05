/** Opening a wrapped secret: the first right proof spends it in one conditional write; another one is an alarm. */

import type { Doc, Store } from '../../adapters/store.ts'
import type { TokenVerbs } from '../api-tokens/index.ts'
import { type Clock, type Random, Refusal, seconds, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'
import { refuse } from './errors.ts'
import { openerHash, proofHash, wrapBodyOf, wrapped } from './records.ts'
import { onOpening } from './rules.ts'

/** What the room is made from. */
export interface HandoverDeps {
  readonly store: Pick<Store, 'get'>
  readonly seal: Seal
  readonly clock: Clock
  readonly random: Random
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
  readonly issuer: string
  readonly tokens: Pick<TokenVerbs, 'revoke'>
}

/** A proof and the attempt that it belongs to: base64url. */
export interface OpeningInput {
  readonly id: string
  readonly proof: string
  /** Made by the opener and kept by nobody else: a retry with it gets the same answer. */
  readonly attempt: string
}

/** One try at an opening. Rejects with a Conflict when a rival was faster. */
export function createOnce(deps: HandoverDeps) {
  const { seal, clock, unit: makeUnit, commit, tokens } = deps

  /** The alarm: the token inside can't be trusted any more. That it is revoked already changes nothing of the alarm. */
  async function stageAlarm(unit: Unit, doc: Doc): Promise<void> {
    const { token } = await wrapBodyOf(seal, doc)
    const if_ = { state: 'opened' }
    unit.decide({ collection: wrapped.name, id: doc.id, if: if_, set: { state: 'alarmed' } }, doc)
    if (token !== null)
      await tokens
        .revoke(unit, token, { by: 'second opening', why: 'its wrapped address was opened twice' })
        .catch((cause: unknown) => {
          if (!(cause instanceof Refusal)) throw cause
        })
    unit.note('wrapped.opened_twice', { wrapped: doc.id, token }, 'written')
  }

  return async function once({ id, proof, attempt }: OpeningInput): Promise<{ readonly ciphertext: string }> {
    const unit = makeUnit()
    const doc = await unit.get(wrapped.name, id)
    const place = { tenant: TENANT, kind: 'wrap proof', text: `${id} ${proof}` }
    // Compared also when there is nothing: an address that never was takes as long as a wrong key.
    const stands = String(doc?.fields.proof ?? proofHash(seal, id, ''))
    const proved = seal.matches('lookup', place, stands) && doc?.kind === 'wrapped'
    const opener = openerHash(seal, id, attempt)
    const state = doc?.state ?? ''
    const expired = (doc?.exp ?? 0) <= seconds(clock)
    const verdict = onOpening({ proved, state, expired, sameAttempt: doc?.fields.opener === opener })
    if (!doc || verdict === 'unknown') throw refuse('wrapped_unknown')
    switch (verdict) {
      case 'expired':
        throw refuse('wrapped_expired')
      case 'alarmed':
        throw refuse('wrapped_opened')
      case 'alarm':
        await stageAlarm(unit, doc)
        await commit(unit)
        throw refuse('wrapped_opened')
      case 'again':
        return { ciphertext: (await wrapBodyOf(seal, doc)).ciphertext }
      case 'open': {
        const { ciphertext, token, by } = await wrapBodyOf(seal, doc)
        const set = { state: 'opened', fields: { opener } }
        unit.decide({ collection: wrapped.name, id, if: { state: 'waiting' }, set }, doc)
        unit.note('wrapped.opened', { wrapped: id, token, by }, 'written')
        await commit(unit)
        return { ciphertext }
      }
      default:
        return verdict satisfies never
    }
  }
}
