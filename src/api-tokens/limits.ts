/** What the configuration says of a token now: limits and lifecycle, the strictest of all policies that match. Facts in, figures out. */

import type { Doc } from '../../adapters/store.ts'
import type { Configuration, TokenFigures, TokenPolicy, TokenTemplate } from '../config/index.ts'
import { inBoth } from './networks.ts'
import type { TokenRecord } from './records.ts'
import type { Limits } from './rules.ts'
import { templates } from './templates.ts'

/** The part of the configuration that this room reads. */
export type TokenConfiguration = Pick<Configuration, 'tokens'>

/** Of a token, what policies choose by. */
export type Chosen = Pick<TokenRecord, 'kind' | 'owner' | 'labels' | 'template'>

/** The longest overlap of a rotation where no policy says less. */
export const OVERLAP_SECONDS = 7 * 86_400

/** A policy's or a template's figures under its name. */
export interface NamedFigures {
  readonly name: string
  readonly figures: TokenFigures
}

const isTemplate = (text: string): text is TokenTemplate => Object.hasOwn(templates, text)

function isFor({ for: whom }: TokenPolicy, { kind, owner, labels, template }: Chosen): boolean {
  if (!whom) return true
  const owned = (one: string): boolean => one === `${owner.type}:*` || one === `${owner.type}:${owner.id}`
  return (
    (whom.kinds?.includes(kind) ?? true) &&
    (whom.owners?.some(owned) ?? true) &&
    (whom.labels?.some((one) => labels.includes(one)) ?? true) &&
    (whom.templates?.some((one) => one === template) ?? true)
  )
}

/** The policies that hold for a token: its template's, and those of the configuration with the templates that they build on. */
export function policiesFor(token: Chosen, { tokens }: TokenConfiguration): readonly NamedFigures[] {
  const own = token.template !== null && isTemplate(token.template) ? [token.template] : []
  return [
    ...own.map((name) => ({ name, figures: templates[name] })),
    ...tokens.policies
      .filter((one) => isFor(one, token))
      .flatMap((one) => [
        { name: one.name, figures: one },
        ...(one.template ? [{ name: `${one.name} (${one.template})`, figures: templates[one.template] }] : []),
      ]),
  ]
}

/** A figure with the policy that it comes from. */
export interface Figure {
  readonly value: number
  readonly policy: string
}

function least(all: readonly NamedFigures[], pick: (figures: TokenFigures) => number | undefined): Figure | undefined {
  return all.reduce<Figure | undefined>((best, { name, figures }) => {
    const value = pick(figures)
    return value === undefined || (best && best.value <= value) ? best : { value, policy: name }
  }, undefined)
}

/** What holds for a token's life, each figure with the policy that it comes from. */
export interface Lifecycle {
  readonly lifetimeMax: Figure
  readonly rotateEvery: Figure | undefined
  readonly overlapMax: Figure | undefined
  readonly warn: Figure | undefined
  readonly quarantine: Figure | undefined
  readonly revoke: Figure | undefined
  /** The policy that asks for approval by a second person. */
  readonly approval: string | undefined
  /** The policy that holds a token which was not rotated in time. */
  readonly overdue: string | undefined
  /** Whether a rotation begins a new lifetime. */
  readonly renews: boolean
}

/** The strictest of all policies for a token. A new lifetime by rotation is given where one says so and none says no. */
export function lifecycleOf(token: Chosen, configuration: TokenConfiguration): Lifecycle {
  const all = policiesFor(token, configuration)
  const { lifetimeSecondsMax, idleSecondsMax } = configuration.tokens
  const base = { name: 'tokens', figures: { lifetimeSecondsMax } }
  const idle =
    idleSecondsMax === undefined
      ? []
      : [{ name: 'tokens', figures: { dormantSeconds: { quarantine: idleSecondsMax } } }]
  const renews = all.flatMap(({ figures }) => figures.renew ?? [])
  return {
    lifetimeMax: least([base, ...all], (one) => one.lifetimeSecondsMax) ?? {
      value: lifetimeSecondsMax,
      policy: 'tokens',
    },
    rotateEvery: least(all, (one) => one.rotateEverySeconds),
    overlapMax: least(all, (one) => one.overlapSeconds),
    warn: least(all, (one) => one.dormantSeconds?.warn),
    quarantine: least([...idle, ...all], (one) => one.dormantSeconds?.quarantine),
    revoke: least(all, (one) => one.dormantSeconds?.revoke),
    approval: all.find(({ figures }) => figures.approval)?.name,
    overdue: all.find(({ figures }) => figures.overdue === 'quarantine')?.name,
    renews: renews.includes(true) && !renews.includes(false),
  }
}

/** What the configuration allows of a token now. */
export function limitsFor(token: Chosen, configuration: TokenConfiguration): Limits {
  const { lifetimeMax, quarantine, revoke } = lifecycleOf(token, configuration)
  const all = policiesFor(token, configuration)
  const scopes = all.flatMap(({ figures }) => (figures.scopes ? [figures.scopes] : []))
  const networks = all.flatMap(({ figures }) => (figures.networks ? [figures.networks] : []))
  const idle = [quarantine?.value, revoke?.value].filter((one) => one !== undefined)
  return {
    lifetimeSecondsMax: lifetimeMax.value,
    scopes: scopes.length === 0 ? undefined : scopes.reduce((left, one) => left.filter((s) => one.includes(s))),
    networks: networks.reduce(inBoth, { allow: [], except: [] }),
    idleSecondsMax: idle.length === 0 ? undefined : Math.min(...idle),
  }
}

/** Names of the rate limits and quotas that policies hold a token to. */
export const ratesFor = (token: Chosen, configuration: TokenConfiguration): readonly string[] =>
  policiesFor(token, configuration).flatMap(({ figures }) => figures.rates ?? [])

/** Whether a second person must say yes before a token works. */
export const needsApproval = (
  token: Chosen & Pick<TokenRecord, 'scopes'>,
  configuration: TokenConfiguration,
): boolean =>
  token.scopes.some((scope) => configuration.tokens.sensitiveScopes.includes(scope)) ||
  lifecycleOf(token, configuration).approval !== undefined

/** When a token ends by itself and by the limits. Unix seconds. */
export function endOf(
  { exp, iat }: Pick<Doc, 'exp' | 'iat'>,
  { lifetimeSecondsMax }: Pick<Limits, 'lifetimeSecondsMax'>,
) {
  const byLimit = (iat ?? 0) + lifetimeSecondsMax
  return Math.min(exp ?? byLimit, byLimit)
}

/** Whether a token may name a template: one that ships, or one that a policy of the configuration is for. */
export const isKnownTemplate = (name: string, { tokens }: TokenConfiguration): boolean =>
  isTemplate(name) || tokens.policies.some((one) => one.for?.templates?.includes(name))
