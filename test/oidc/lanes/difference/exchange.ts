/** One request to both servers on the same state, and what differs. */

import type { Writes } from '../../../../adapters/store.ts'
import type { Cast } from './cast.ts'
import type { Stage } from './furnish.ts'
import { differenceOf, type Outcome, outcomeOf } from './outcome.ts'
import { ASSERTION_TYPE, assertion, PROOF_KEYS, proof } from './proofs.ts'
import type { Side } from './rig.ts'
import { bytesOf, type Pair, type Spec } from './spec.ts'
import { PublishedKeys, Teller } from './told.ts'
import type { Heard } from './wire.ts'

/** What one server did, told and untold. */
export interface Done {
  readonly outcome: Outcome
  readonly heard: Heard
  /** Without the batches of events. */
  readonly commits: readonly Writes[]
  readonly isTaken: boolean
}

/** What both did. */
export interface Exchange {
  readonly lanes: Done
  readonly library: Done
  readonly difference: string | undefined
}

/** Sends requests to both. */
export class Exchanger {
  readonly #stage: Stage
  readonly #keys: PublishedKeys
  /** The last nonce that was handed out (RFC 9449, 8). */
  #nonce: string | undefined

  constructor(stage: Stage) {
    this.#stage = stage
    this.#keys = new PublishedKeys(stage.rig.lanes.app)
  }

  /** What is made at the moment of sending, alike for both. */
  #fresh(spec: Spec): { readonly spec: Spec; readonly headers: readonly Pair[] } {
    const { dpop, asserts, form } = spec
    const { issuer } = this.#stage.rig
    const url = issuer + (spec.path.split(/[?#]/)[0] ?? '')
    const nonce = dpop?.nonce ? this.#nonce : undefined
    const made = dpop && proof({ key: PROOF_KEYS[dpop.key], method: spec.method, url, ath: dpop.token, nonce })
    const headers: readonly Pair[] = made === undefined ? [] : [['DPoP', made]]
    if (asserts === undefined || !form) return { spec, headers }
    const asserted: readonly Pair[] = [
      ['client_assertion_type', ASSERTION_TYPE],
      ['client_assertion', assertion(asserts, issuer)],
    ]
    return { spec: { ...spec, form: [...form, ...asserted] }, headers }
  }

  async #ask(side: Side, bytes: Buffer, spec: Spec, cast: Cast): Promise<Done> {
    const { ledger, asked, spy, app } = side
    const before = { asked: asked.times, taken: spy.taken, routed: spy.routed }
    ledger.commits = []
    ledger.weather = spec.weather
    const heard = await side.wires.send(
      spec.address,
      bytes,
      Array.from({ length: spec.times }, () => spec.method),
    )
    const commits = ledger.commits
    ledger.commits = []
    ledger.weather = 'fair'
    await app.background.flush()
    const { held } = this.#stage.rig
    const isTaken = spy.taken > before.taken
    const teller = new Teller({ cast, records: this.#stage.records, keys: isTaken ? this.#keys : undefined })
    const presented = spec.form?.find(([name]) => name === 'refresh_token')?.[1]
    // A lane that lost a rival was one try more.
    const shown = spec.weather === 'lost' ? commits.slice(-1) : commits
    const counts = spec.weather === 'fair' || spec.weather === 'loses' ? asked.times - before.asked : 0
    const input = { heard, commits: shown, batch: ledger.commits, asked: counts }
    const outcome = await outcomeOf(input, { app, held, teller, presented })
    const isPublished = heard.answers[0]?.status === 200 && spy.routed === before.routed
    return {
      outcome,
      heard,
      commits,
      isTaken: spec.path === '/token' || !isPublished ? spy.taken > before.taken : true,
    }
  }

  async send(wished: Spec, cast: Cast): Promise<Exchange> {
    const { spec, headers } = this.#fresh(wished)
    const bytes = bytesOf(spec, headers)
    const { rig } = this.#stage
    const lanes = await this.#ask(rig.lanes, bytes, spec, cast)
    const library = await this.#ask(rig.library, bytes, spec, cast)
    const nonce = library.heard.answers.at(-1)?.headers.find(([name]) => name === 'dpop-nonce')?.[1]
    if (nonce !== undefined) this.#nonce = nonce
    return { lanes, library, difference: differenceOf(lanes.outcome, library.outcome) }
  }
}
