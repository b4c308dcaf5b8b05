/** The keyring as people see it: what each key is, what comes next for it, and what a verifier will notice. */

import type { Planned } from './actions.ts'
import type { KeySettings } from './decide.ts'
import { destroysAt, inState, type KeyUse, type Ring, type RingKey, retiresAt, ripeAt } from './rules.ts'

const iso = (at: number | null | undefined): string | undefined =>
  at === null || at === undefined ? undefined : new Date(at * 1000).toISOString()

/** What comes next for a key, and when. Unix seconds. */
function nextStep(ring: Ring, key: RingKey, use: KeyUse | undefined, settings: KeySettings) {
  switch (key.state) {
    case 'next': {
      const asked = ring.asked[key.slot]
      const at = ripeAt(key, settings)
      return { at, says: asked ? `signs from ${iso(at)} (${asked.why})` : `may sign from ${iso(at)}` }
    }
    case 'current': {
      const life = key.slot === 'cookie' ? settings.cookieRotateAfterSeconds : settings.rotateAfterSeconds
      const at = (key.currentAt ?? key.madeAt) + life
      return { at, says: `stops signing about ${iso(at)}` }
    }
    case 'previous': {
      const at = retiresAt(key, use, settings)
      return { at, says: `${key.slot === 'cookie' ? 'is accepted' : 'is published'} until ${iso(at)}` }
    }
    case 'retired': {
      const at = destroysAt(key, use, settings)
      return { at, says: `is destroyed at ${iso(at)}` }
    }
    case 'destroyed':
      return undefined
    default:
      return key.state satisfies never
  }
}

/** One line of `keys list`. Nothing in it opens anything. */
export function shownKey(ring: Ring, key: RingKey, use: KeyUse | undefined, settings: KeySettings) {
  const next = nextStep(ring, key, use, settings)
  return {
    kid: key.kid,
    algorithm: key.slot,
    state: key.state,
    signer: key.signer,
    made_at: iso(key.madeAt),
    signs_since: iso(key.currentAt),
    stopped_at: iso(key.previousAt),
    retired_at: iso(key.retiredAt),
    destroyed_at: iso(key.destroyedAt),
    why: key.why,
    signatures: use?.signatures,
    last_signed_at: iso(use?.lastSignedAt),
    signed_until: iso(use?.signedUntil),
    next_step: next?.says,
    next_at: iso(next?.at),
  }
}

const STATES = ['current', 'next', 'previous', 'retired', 'destroyed'] as const

/** The whole ring, slot by slot; destroyed keys only where asked for. */
export function shownRing(
  ring: Ring,
  uses: ReadonlyMap<string, KeyUse>,
  settings: KeySettings,
  input: { readonly destroyed: boolean },
) {
  const slots = [...new Set(ring.keys.map(({ slot }) => slot))]
  return slots.flatMap((slot) =>
    STATES.flatMap((state) => ring.keys.filter((key) => key.slot === slot && key.state === state))
      .filter(({ state }) => input.destroyed || state !== 'destroyed')
      .map((key) => shownKey(ring, key, uses.get(key.kid), settings)),
  )
}

/** How long common verifiers keep a key set (Envoy's jwt_authn: ten minutes, and it asks for no kid that it does not know). */
const CACHE_SECONDS = 600

/** What verifiers see of a key that was dropped at once. `now` in Unix seconds. */
export function whatVerifiersSee(
  lost: readonly { readonly key: RingKey; readonly use: KeyUse }[],
  input: { readonly now: number; readonly done: boolean },
) {
  const until = iso(input.now + CACHE_SECONDS)
  const current = lost.filter(({ key }) => key.state === 'current')
  const cookies = lost.some(({ key }) => key.slot === 'cookie')
  return {
    done: input.done,
    dropped: lost.map(({ key, use }) => ({
      kid: key.kid,
      algorithm: key.slot,
      was: key.state,
      signatures: use.signatures,
      last_of_them_would_have_expired_at: iso(use.signedUntil),
    })),
    here: 'At once, and within two seconds on every node: /jwks without them, introspection and id_token_hint refuse what they signed.',
    verifiers_that_ask_for_an_unknown_kid: 'Accept new tokens at once; refuse old ones when their copy is refreshed.',
    verifiers_with_a_ten_minute_cache: `Until ${until} they may refuse new tokens (they do not know the new key) and accept old ones, also forged ones. Have them fetch /jwks now if that is too long.`,
    ...(cookies ? { sign_ins: 'Every browser session ends: cookies that the dropped secret signed are refused.' } : {}),
    ...(current.length === 0 ? { note: 'None of these keys was signing.' } : {}),
  }
}

/** What a planned rotation will do, in words. */
export function shownPlan(
  ring: Ring,
  plan: readonly Planned[],
  input: { readonly now: number; readonly done: boolean },
) {
  return plan.map(({ slot, from, to, at }) => ({
    algorithm: slot,
    done: input.done && at <= input.now,
    signs_now: inState(ring, slot, 'current')?.kid ?? from,
    signs_next: to ?? 'a key that is made now',
    from: iso(at),
    verifiers:
      'Notice nothing: the next key is published before it signs, the one before it until all that it signed has expired.',
  }))
}
