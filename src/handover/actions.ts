/** The verbs of hand-over: wrap, and open once. */

import { overRivals, randomText, type Secret, seconds, type Unit } from '../base/index.ts'
import { refuse } from './errors.ts'
import { createOnce, type HandoverDeps, type OpeningInput } from './open.ts'
import { wrapDoc, wrapped } from './records.ts'
import { wrapText } from './wrap.ts'

export const WRAP_SECONDS_MAX = 15 * 60
/** Where wrapped secrets are opened. */
export const WRAPPED_PATH = '/wrapped/'
const ID_BYTES = 18
const TRIES = 5

/** What is wrapped, and by whom. */
export interface WrapOrder {
  readonly text: Secret
  /** Public id of the API token whose text it is: a second opening revokes it. */
  readonly token?: string | undefined
  readonly by: string
}

/** Makes the verbs. */
export function handoverActions(deps: HandoverDeps) {
  const { seal, clock, random } = deps
  const once = createOnce(deps)

  return {
    /**
     * Stages a wrapped secret in the unit. The address holds the key behind its `#`: give it to the recipient, keep it nowhere.
     * Throws `bad_lifetime` beyond 15 minutes.
     */
    wrap(
      unit: Unit,
      order: WrapOrder,
      { lifetimeSeconds }: { readonly lifetimeSeconds: number },
    ): { readonly address: string; readonly expiresAt: number } {
      if (!Number.isInteger(lifetimeSeconds) || lifetimeSeconds < 1 || lifetimeSeconds > WRAP_SECONDS_MAX)
        throw refuse('bad_lifetime', { lifetimeSeconds })
      const id = randomText(random, ID_BYTES)
      const { key, proof, ciphertext } = wrapText(random, id, order.text.reveal())
      const at = seconds(clock)
      const body = { ciphertext, token: order.token ?? null, by: order.by }
      unit.insert(wrapped.name, wrapDoc(seal, { id, at, exp: at + lifetimeSeconds, proof, body }))
      unit.note(
        'wrapped.made',
        { wrapped: id, token: body.token, by: order.by, lifetime_seconds: lifetimeSeconds },
        'written',
      )
      return { address: `${new URL(`${WRAPPED_PATH}${id}`, deps.issuer)}#${key}`, expiresAt: at + lifetimeSeconds }
    },
    /** Opens for the first right proof. Throws `wrapped_unknown`, `wrapped_expired`, or `wrapped_opened` (then the token is revoked). */
    open: (input: OpeningInput): Promise<{ readonly ciphertext: string }> => overRivals(TRIES, () => once(input)),
  }
}
