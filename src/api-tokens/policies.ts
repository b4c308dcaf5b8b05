/** Policies as code: which token violates which policy in which way, and what another configuration would do to those that exist. Pure. */

import type { Doc } from '../../adapters/store.ts'
import { inWords } from '../base/index.ts'
import {
  endOf,
  lifecycleOf,
  limitsFor,
  type NamedFigures,
  needsApproval,
  OVERLAP_SECONDS,
  policiesFor,
  type TokenConfiguration,
} from './limits.ts'
import { inBoth, isInside, isNoWider } from './networks.ts'
import { publicId, type TokenRecord } from './records.ts'
import { idleSince, stateOf } from './rules.ts'

/** A token as these rules see it. */
export interface HeldToken {
  readonly doc: Pick<Doc, 'id' | 'state' | 'revokedAt' | 'exp' | 'iat' | 'lastUse' | 'fields'>
  readonly record: TokenRecord
}

/** One way in which a token violates a policy. */
export interface Violation {
  /** Public id. */
  readonly id: string
  readonly name: string
  readonly policy: string
  readonly rule: 'lifetime' | 'rotation' | 'dormancy' | 'approval' | 'scopes' | 'networks'
  /** What is wrong, in words. */
  readonly what: string
}

/** Whether there is anything left of a token to hold to a policy. */
const isLive = ({ doc }: HeldToken, now: number): boolean =>
  !['revoked', 'rotated', 'expired'].includes(stateOf(doc, now))

function againstOne({ doc, record }: HeldToken, { figures }: NamedFigures, now: number) {
  const found: (readonly [Violation['rule'], string])[] = []
  const { lifetimeSecondsMax, rotateEverySeconds, dormantSeconds, approval, scopes, networks } = figures
  const [life, age, idle] = [(doc.exp ?? 0) - (doc.iat ?? 0), now - (doc.iat ?? now), now - idleSince(doc)]
  if (lifetimeSecondsMax !== undefined && life > lifetimeSecondsMax)
    found.push(['lifetime', `lives ${inWords(life)}, at most ${inWords(lifetimeSecondsMax)}`])
  if (rotateEverySeconds !== undefined && age >= rotateEverySeconds && typeof doc.fields.successor !== 'string')
    found.push(['rotation', `was not rotated for ${inWords(age)}, at most ${inWords(rotateEverySeconds)}`])
  const idleMax = dormantSeconds?.quarantine ?? dormantSeconds?.revoke
  if (idleMax !== undefined && idle >= idleMax && doc.state !== 'quarantined')
    found.push(['dormancy', `was not used for ${inWords(idle)}, at most ${inWords(idleMax)}`])
  if (approval && record.approvedBy === null && doc.state !== 'pending')
    found.push(['approval', 'works without the approval of a second person'])
  const stray = record.scopes.filter((one) => scopes && !scopes.includes(one))
  if (stray.length > 0) found.push(['scopes', `has ${stray.join(' ')}`])
  if (networks && !isNoWider(record.networks, networks))
    found.push(['networks', 'names networks beyond those of the policy, or none'])
  return found
}

/** What is wrong with one token. */
export function violationsOf(token: HeldToken, configuration: TokenConfiguration, now: number): readonly Violation[] {
  if (!isLive(token, now)) return []
  const { lifetimeSecondsMax } = configuration.tokens
  const base: NamedFigures = { name: 'tokens', figures: { lifetimeSecondsMax } }
  const about = { id: publicId(token.doc.id), name: token.record.name }
  return [base, ...policiesFor(token.record, configuration)].flatMap((one) =>
    againstOne(token, one, now).map(([rule, what]) => ({ ...about, policy: one.name, rule, what })),
  )
}

/** Which tokens violate which policies. Limits bite whether or not anyone looks: this says whom. */
export const policyCheck = (
  tokens: Iterable<HeldToken>,
  configuration: TokenConfiguration,
  now: number,
): readonly Violation[] => [...tokens].flatMap((token) => violationsOf(token, configuration, now))

/** What a change of the configuration can do to a token. */
export const EFFECTS = [
  'ends_now',
  'revoked',
  'ends_earlier',
  'quarantined',
  'warned',
  'needs_rotation',
  'loses_scopes',
  'loses_networks',
  'needs_approval',
  'shorter_overlap',
] as const
export type Effect = (typeof EFFECTS)[number]

/** How a token stands under a configuration. */
function standingUnder({ doc, record }: HeldToken, configuration: TokenConfiguration, now: number) {
  const [limits, life] = [limitsFor(record, configuration), lifecycleOf(record, configuration)]
  const idle = now - idleSince(doc)
  const isOver = (limit: { readonly value: number } | undefined): boolean => limit !== undefined && idle >= limit.value
  const overlap = life.overlapMax?.value ?? OVERLAP_SECONDS
  const { due, successor } = doc.fields
  const turns = life.rotateEvery !== undefined && now - (doc.iat ?? now) >= life.rotateEvery.value
  return {
    end: endOf(doc, limits),
    revoked: isOver(life.revoke),
    quarantined:
      isOver(life.quarantine) || (life.overdue !== undefined && typeof due === 'number' && now >= due + overlap),
    warned: isOver(life.warn),
    due: turns && typeof successor !== 'string',
    lost: record.scopes.filter((one) => limits.scopes && !limits.scopes.includes(one)),
    networks: inBoth(record.networks, limits.networks),
    approval: record.approvedBy === null && needsApproval(record, configuration),
    overlap,
  }
}

type Standing = ReturnType<typeof standingUnder>

/** Whether there is an address that one holds and the other does not. */
function losesNetworks({ networks: was }: Standing, { networks: is }: Standing): boolean {
  const touches = (one: string): boolean =>
    was.allow.length === 0 || was.allow.some((other) => isInside(one, other) || isInside(other, one))
  const isCut =
    is.allow.length > 0 &&
    (was.allow.length === 0 || was.allow.some((one) => !is.allow.some((other) => isInside(one, other))))
  return isCut || is.except.some((one) => !was.except.some((other) => isInside(one, other)) && touches(one))
}

/** What another configuration would do to one token that this one does not. */
export function effectsOn(
  token: HeldToken,
  input: { readonly before: TokenConfiguration; readonly after: TokenConfiguration; readonly now: number },
): readonly Effect[] {
  const { now } = input
  const { state } = token.doc
  if (!isLive(token, now)) return []
  const [was, is] = [standingUnder(token, input.before, now), standingUnder(token, input.after, now)]
  if (was.end <= now || was.revoked) return []
  if (is.end <= now) return ['ends_now']
  if (is.revoked) return ['revoked']
  const isHeld = state === 'quarantined' || was.quarantined
  const effects: Readonly<Partial<Record<Effect, boolean>>> = {
    ends_earlier: is.end < was.end,
    quarantined: is.quarantined && !isHeld,
    warned: is.warned && !was.warned && !is.quarantined && !isHeld,
    needs_rotation: is.due && !was.due,
    loses_scopes: is.lost.some((one) => !was.lost.includes(one)),
    loses_networks: losesNetworks(was, is),
    needs_approval: is.approval && !was.approval && state !== 'pending',
    shorter_overlap: is.overlap < was.overlap,
  }
  return EFFECTS.filter((one) => effects[one])
}

/** How many tokens a change would reach in each way, and which: the first thousand of each. */
export type PolicySimulation = Readonly<Record<Effect, { readonly count: number; readonly ids: readonly string[] }>> & {
  readonly tokens: number
}

const IDS_MAX = 1000

/** Gathers effects, token by token, so that a store of any size can be paged through. */
export function createSimulation(input: Parameters<typeof effectsOn>[1]) {
  const found = new Map<Effect, { count: number; ids: string[] }>(EFFECTS.map((one) => [one, { count: 0, ids: [] }]))
  let tokens = 0
  return {
    add(token: HeldToken): void {
      tokens++
      for (const effect of effectsOn(token, input)) {
        const row = found.get(effect)
        if (row && ++row.count <= IDS_MAX) row.ids.push(publicId(token.doc.id))
      }
    },
    result: (): PolicySimulation => {
      const of = (effect: Effect) => found.get(effect) ?? { count: 0, ids: [] }
      return {
        tokens,
        ends_now: of('ends_now'),
        revoked: of('revoked'),
        ends_earlier: of('ends_earlier'),
        quarantined: of('quarantined'),
        warned: of('warned'),
        needs_rotation: of('needs_rotation'),
        loses_scopes: of('loses_scopes'),
        loses_networks: of('loses_networks'),
        needs_approval: of('needs_approval'),
        shorter_overlap: of('shorter_overlap'),
      }
    },
  }
}

/** What a change would do to these tokens. */
export function policySimulate(tokens: Iterable<HeldToken>, input: Parameters<typeof effectsOn>[1]): PolicySimulation {
  const simulation = createSimulation(input)
  for (const token of tokens) simulation.add(token)
  return simulation.result()
}
