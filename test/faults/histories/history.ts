/** What can happen to two families of one Grant: rivals, each with a few things to do, the order of their store calls, and a crash. */

import fc from 'fast-check'

/** 0: redeemed when the history begins. 1: its code waits. */
export type FamilyNumber = 0 | 1

/** One thing that a rival does. */
export type Op =
  | { readonly do: 'refresh' | 'refresh less' | 'retry' | 'revoke'; readonly family: FamilyNumber }
  | { readonly do: 'redeem' | 'sign out' | 'disable' | 'turn keys' | 'drop a key' | 'flip policy' | 'wait' }

/** A history. Each rival does its own ops in order; `order` picks whose store call comes next. */
export interface History {
  readonly rivals: readonly (readonly Op[])[]
  readonly order: readonly number[]
  /** The process dies at this store call: before it, or after it and before anyone hears of it. */
  readonly crash: { readonly step: number; readonly applied: boolean } | null
}

const family = fc.constantFrom<FamilyNumber>(0, 0, 1)
const token = (what: 'refresh' | 'refresh less' | 'retry' | 'revoke') =>
  family.map((number): Op => ({ do: what, family: number }))
const other = (what: 'redeem' | 'sign out' | 'disable' | 'turn keys' | 'drop a key' | 'flip policy' | 'wait') =>
  fc.constant<Op>({ do: what })

const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 50, arbitrary: token('refresh') },
  { weight: 10, arbitrary: token('refresh less') },
  { weight: 30, arbitrary: token('retry') },
  { weight: 20, arbitrary: other('redeem') },
  { weight: 10, arbitrary: token('revoke') },
  { weight: 5, arbitrary: other('sign out') },
  { weight: 5, arbitrary: other('disable') },
  { weight: 10, arbitrary: other('turn keys') },
  // Seldom: it takes as long as ten others.
  { weight: 2, arbitrary: other('drop a key') },
  { weight: 10, arbitrary: other('flip policy') },
  { weight: 5, arbitrary: other('wait') },
)

/** One to eight rivals with one to three things each; two of five draw a crash, which most of them live to see. */
export const histories: fc.Arbitrary<History> = fc.record({
  rivals: fc.array(fc.array(op, { minLength: 1, maxLength: 3, size: 'max' }), {
    minLength: 1,
    maxLength: 8,
    size: 'max',
  }),
  order: fc.array(fc.nat(7), { minLength: 8, maxLength: 64, size: 'max' }),
  crash: fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.record({ step: fc.nat(40), applied: fc.boolean() }) },
  ),
})
