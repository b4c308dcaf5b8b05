/** Credentials as a test wants them, and what it says of refusals. */

import { Refusal } from '../../src/base/index.ts'
import { type Artefact, NOW, type Token } from './population.ts'

export const DAY = 24 * 3600
export const ada = { type: 'account', id: 'ada' } as const
export const token = (more: Partial<Token> = {}): Token => ({
  owner: ada,
  scopes: ['read'],
  state: 'active',
  iat: NOW - 5 * DAY,
  exp: NOW + 9 * DAY,
  lastUse: NOW - DAY,
  overlapUntil: null,
  networks: true,
  endsWithOverlap: true,
  ...more,
})
export const family = (more: Partial<Artefact> = {}): Artefact => ({
  kind: 'Family',
  account: 'ada',
  scopes: ['read'],
  state: 'live',
  exp: NOW + 9 * DAY,
  idleUntil: NOW + DAY,
  lastUse: NOW - DAY,
  bound: false,
  ...more,
})
export const many = <T>(n: number, make: (at: number) => T): readonly T[] =>
  Array.from({ length: n }, (_, at) => make(at))

export const isRefused = (code: string) => (cause: unknown) => cause instanceof Refusal && cause.code === code
