/** Policies that come with Mintmark, each a few lines, each with when to use it. Durations: '10s', '15m', '24h', '7d'. */

import { createHash } from 'node:crypto'
import { durationSeconds } from '../base/index.ts'
import {
  type RotationAction,
  type RotationDecision,
  type RotationFacts,
  type RotationPolicy,
  recipeOf,
  versionOf,
  withRecipe,
} from '../config/index.ts'

const ABSTAIN: RotationDecision = { do: 'abstain' }

/** Gives a policy its name and version for the record. */
export function named(policyName: string, policyVersion: string, policy: RotationPolicy): RotationPolicy {
  return Object.assign(policy, { policyName, policyVersion })
}

/** A built-in: named, with what makes it again in another thread (`policyOf`). */
function builtIn(
  [name, ...given]: readonly [name: string, ...given: readonly unknown[]],
  policy: RotationPolicy,
  as: { readonly name?: string; readonly version?: string } = {},
): RotationPolicy {
  return withRecipe(named(as.name ?? name, as.version ?? '1', policy), () => ({ builtIn: name, with: given }))
}

/** A policy around another: it has a recipe where the inner one has. */
function around(
  [name, first]: readonly [name: string, first: unknown],
  inner: RotationPolicy,
  { words, policy }: { readonly words: string; readonly policy: RotationPolicy },
): RotationPolicy {
  const as = { name: `${name}(${words}, ${inner.policyName ?? inner.name})`, version: versionOf(inner) }
  const recipe = recipeOf(inner)
  return recipe ? builtIn([name, first, recipe], policy, as) : named(as.name, as.version, policy)
}

/** Rotates at every use. For public clients, and wherever a stolen token must be noticed at its next use. */
export function always(): RotationPolicy {
  return builtIn(['always'], () => ({ do: 'rotate', why: 'at every use' }))
}

/** Rotates what is not bound to a key (DPoP, mutual TLS). The default: a bound token is of no use to a thief. */
export function whenNotBound(): RotationPolicy {
  return builtIn(['whenNotBound'], ({ credential }) =>
    credential.bound === 'none' ? { do: 'rotate', why: 'not bound' } : { do: 'keep', why: credential.bound },
  )
}

/** Rotates once this share of the lifetime has passed, keeps before. For confidential clients with many refreshes: fewer writes. */
export function pastShareOfLifetime(share: number): RotationPolicy {
  if (!(share > 0 && share <= 1)) throw new TypeError('pastShareOfLifetime: a share between 0 and 1, such as 0.7')
  return builtIn(
    ['pastShareOfLifetime', share],
    ({ credential: { lifetimeShare } }) =>
      lifetimeShare >= share
        ? { do: 'rotate', why: `${Math.floor(lifetimeShare * 100)} % of the lifetime has passed` }
        : { do: 'keep', why: 'early in its lifetime' },
    { name: `pastShareOfLifetime(${share})` },
  )
}

/** Ends what was not used for so long, and gives what is issued no longer an idle lifetime. For clients that need less than the deployment's. */
export function idle(time: string): RotationPolicy {
  const limit = durationSeconds(time)
  return builtIn(
    ['idle', time],
    ({ credential: { kind, idleSeconds } }) => {
      if (idleSeconds >= limit) return { do: 'revoke', why: `not used for ${idleSeconds} seconds` }
      // Only a refresh token's lifetime begins anew at each use: the others would end although they are used.
      return kind === 'refresh_token' ? { do: 'abstain', lifetimeSeconds: limit } : ABSTAIN
    },
    { name: `idle(${time})` },
  )
}

/** Ends a chain of this age, however much it is used. For an absolute sign-in of, say, 30 days. */
export function maxAge(time: string): RotationPolicy {
  const limit = durationSeconds(time)
  return builtIn(
    ['maxAge', time],
    ({ credential: { chainAgeSeconds } }) =>
      chainAgeSeconds >= limit
        ? { do: 'revoke', why: `${chainAgeSeconds} seconds old` }
        : { do: 'abstain', lifetimeSeconds: Math.max(1, limit - chainAgeSeconds) },
    { name: `maxAge(${time})` },
  )
}

/** Ends a chain after so many rotations. For agents and batch work whose number of refreshes is known. */
export function maxRotations(n: number): RotationPolicy {
  if (!Number.isInteger(n) || n < 0) throw new TypeError('maxRotations: a whole number')
  return builtIn(
    ['maxRotations', n],
    ({ credential: { rotations } }) => (rotations >= n ? { do: 'revoke', why: `rotated ${rotations} times` } : ABSTAIN),
    { name: `maxRotations(${n})` },
  )
}

/**
 * Rotates at this age of the credential, keeps before. For signing keys (`kinds: ['signing_key']`) and client secrets; where it
 * counts, another policy may still rotate earlier.
 */
export function rotateAfter(time: string): RotationPolicy {
  const limit = durationSeconds(time)
  return builtIn(
    ['rotateAfter', time],
    ({ credential: { ageSeconds } }) =>
      ageSeconds >= limit ? { do: 'rotate', why: `${ageSeconds} seconds old` } : { do: 'keep', why: 'young' },
    { name: `rotateAfter(${time})` },
  )
}

/** Rotates after so many uses: signatures of a signing key. Before that, and where uses are not counted, it has no opinion. */
export function maxUses(n: number): RotationPolicy {
  if (!Number.isInteger(n) || n < 1) throw new TypeError('maxUses: a whole number, 1 or more')
  return builtIn(
    ['maxUses', n],
    ({ credential: { uses } }) =>
      uses !== undefined && uses >= n ? { do: 'rotate', why: `used ${uses} times` } : ABSTAIN,
    { name: `maxUses(${n})` },
  )
}

/** Shortens the window in which a retry gets its first answer. For clients that never retry; lengthening it is a client's own setting. */
export function grace(time: string): RotationPolicy {
  const graceSeconds = durationSeconds(time)
  return builtIn(['grace', time], () => ({ do: 'abstain', graceSeconds }), { name: `grace(${time})` })
}

/** What a change leads to, and what to do where it can't be known. */
export interface OnChange {
  /** 'stepUp' unless said otherwise. */
  readonly do?: RotationAction
  /** Where this or the last use's fact is absent: no opinion, unless said otherwise. */
  readonly unknown?: RotationAction | 'abstain'
}

function onChange(
  what: 'network' | 'country',
  { do: action = 'stepUp', unknown = 'abstain' }: OnChange,
): RotationPolicy {
  return ({ credential, request }) => {
    const [before, now] = [credential.last?.[what], request?.[what]]
    if (before === undefined || now === undefined) return { do: unknown, why: `the ${what} is not known` }
    return before === now ? ABSTAIN : { do: action, why: `another ${what} than at the last use` }
  }
}

/**
 * Acts when a token is used from another network (/24, /56) than last time. For servers with a fixed place; phones change networks
 * all day. A fact that is absent (a first use, no address) is no change unless `unknown` says what it is.
 */
export function onNetworkChange(options: OnChange = {}): RotationPolicy {
  return builtIn(['onNetworkChange', options], onChange('network', options))
}

/**
 * Acts when a token is used from another country than last time. Needs `features.countryHeader` and a trusted proxy that sets it;
 * without it the country is never known, and `unknown` holds.
 */
export function onCountryChange(options: OnChange = {}): RotationPolicy {
  return builtIn(['onCountryChange', options], onChange('country', options))
}

/** Hours in which a policy does not rotate; what is stricter than a rotation still holds. */
export interface Quiet {
  /** '22:00'. */
  readonly from: string
  /** '06:00'; before `from` means the next day. */
  readonly to: string
  /** Minutes east of UTC; 0 unless given. */
  readonly offsetMinutes?: number
}

function minuteOf(text: string): number {
  const [, hours = '', minutes = ''] = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text) ?? []
  if (!hours) throw new TypeError(`not a time of day such as 22:00: ${text}`)
  return Number(hours) * 60 + Number(minutes)
}

/** Changes what a policy says, at once or when it answers. */
const then = (
  said: RotationDecision | Promise<RotationDecision>,
  change: (decision: RotationDecision) => RotationDecision,
): RotationDecision | Promise<RotationDecision> => (said instanceof Promise ? said.then(change) : change(said))

/** Holds a policy's rotations back during these hours. For change freezes and nightly jobs that must not be disturbed. */
export function quietHours(hours: Quiet, policy: RotationPolicy): RotationPolicy {
  const { from, to, offsetMinutes = 0 } = hours
  const [start, end] = [minuteOf(from), minuteOf(to)]
  const quiet = ({ now }: RotationFacts): boolean => {
    const minute = (((Math.floor(now / 60) + offsetMinutes) % 1440) + 1440) % 1440
    return start <= end ? minute >= start && minute < end : minute >= start || minute < end
  }
  return around(['quietHours', hours], policy, {
    words: `${from}-${to}`,
    policy: (facts, signal) =>
      then(policy(facts, signal), (said) =>
        said.do === 'rotate' && quiet(facts) ? { ...said, do: 'keep', why: `quiet hours (${said.why ?? ''})` } : said,
      ),
  })
}

/** Asks a policy for this share of credentials only, always the same ones. For trying a stricter policy on one in a hundred first. */
export function stagedRollout(share: number, policy: RotationPolicy): RotationPolicy {
  if (!(share >= 0 && share <= 1)) throw new TypeError('stagedRollout: a share between 0 and 1, such as 0.01')
  const name = policy.policyName ?? policy.name
  const picked = (id: string): boolean =>
    createHash('sha256').update(`${name}\n${id}`).digest().readUInt32BE() < share * 2 ** 32
  return around(['stagedRollout', share], policy, {
    words: String(share),
    policy: (facts, signal) => (picked(facts.credential.id) ? policy(facts, signal) : ABSTAIN),
  })
}
