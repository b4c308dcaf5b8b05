/** The property of API tokens: no sequence of verbs and time makes one wider, longer-lived or more alive than it may be. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createAbove } from '../../src/api-tokens/above.ts'
import type { ShownToken } from '../../src/api-tokens/index.ts'
import { limitsFor } from '../../src/api-tokens/limits.ts'
import { tokenOf } from '../../src/api-tokens/records.ts'
import { verdict } from '../../src/api-tokens/rules.ts'
import { Unit } from '../../src/base/index.ts'
import type { ConfigurationInput } from '../../src/config/index.ts'
import { DAY, openTokens, order, type TokenRoom } from '../support/tokens.ts'

const SCOPES = ['read', 'write', 'admin', 'look'] as const
const CONFIGURATIONS: readonly ConfigurationInput[] = [
  { tokens: { sensitiveScopes: ['admin'] } },
  { tokens: { sensitiveScopes: ['admin'], lifetimeSecondsMax: 5 * DAY } },
  { tokens: { policies: [{ name: 'few', scopes: ['read', 'look'], overlapSeconds: 3600 }] } },
  { tokens: { policies: [{ name: 'used', dormantSeconds: { warn: DAY, quarantine: 3 * DAY, revoke: 9 * DAY } }] } },
  { tokens: { sensitiveScopes: ['admin'], policies: [{ name: 'approved', template: 'zero-trust' }] } },
  {
    tokens: {
      policies: [
        { name: 'office', for: { labels: ['office'] }, networks: { allow: ['10.0.0.0/8'] } },
        { name: 'agent', for: { labels: ['agent'] }, dormantSeconds: { quarantine: 3600 } },
        { name: 'reader', for: { labels: ['reader'] }, scopes: ['read'], lifetimeSecondsMax: 9 * DAY },
      ],
    },
  },
]
const LABELS = ['office', 'agent', 'reader'] as const
/** Inside the office, and outside. */
const ADDRESSES = ['10.1.2.3', '192.0.2.1'] as const

/** What the test itself knows of a token, from nothing but the verbs that were granted. */
interface Known {
  readonly id: string
  readonly line: string
  readonly parentLine: string | null
  /** Those that it may have at most: only ever fewer. */
  scopes: readonly string[]
  /** Its own end: never later. */
  readonly end: number
  readonly madeAt: number
  isPending: boolean
  isHeld: boolean
  isDead: boolean
  overlapUntil: number | undefined
  readonly labels: readonly string[]
  /** Who was given the text without a second person, or with one who approved that. */
  readonly orderedBy: string
  /** Since when it was not used. */
  idleFrom: number
}

const creation = fc.record({
  do: fc.constant('create' as const),
  under: fc.option(fc.nat(9), { nil: undefined }),
  scopes: fc.subarray([...SCOPES], { minLength: 1 }),
  days: fc.option(fc.integer({ min: 1, max: 40 }), { nil: undefined }),
  labels: fc.subarray([...LABELS], { maxLength: 2 }),
})
const command = fc.oneof(
  { arbitrary: creation, weight: 3 },
  fc.record({
    do: fc.constantFrom(
      'approve' as const,
      'quarantine' as const,
      'release' as const,
      'revoke' as const,
      'use' as const,
    ),
    of: fc.nat(9),
  }),
  fc.record({
    do: fc.constant('rotate' as const),
    of: fc.nat(9),
    overlap: fc.constantFrom(0, 3600, DAY, 7 * DAY),
    by: fc.constantFrom('account anna', 'account carl'),
  }),
  fc.record({ do: fc.constant('narrow' as const), of: fc.nat(9), scopes: fc.subarray([...SCOPES]) }),
  fc.record({ do: fc.constant('pass' as const), seconds: fc.constantFrom(60, 3600, DAY, 4 * DAY, 20 * DAY) }),
  fc.record({ do: fc.constant('owner' as const), holds: fc.option(fc.subarray([...SCOPES]), { nil: undefined }) }),
  fc.record({ do: fc.constant('configure' as const), as: fc.nat(CONFIGURATIONS.length - 1) }),
  fc.record({ do: fc.constant('tick' as const) }),
)
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never

const OWNER = 'service:reports'

class Model {
  readonly tokens: Known[] = []
  readonly room: TokenRoom
  constructor(room: TokenRoom) {
    this.room = room
  }

  add(shown: ShownToken, from: Partial<Known> = {}): void {
    this.tokens.push({
      id: shown.id,
      line: shown.line,
      parentLine: shown.parent === null ? null : shown.parent.id.slice(4),
      scopes: shown.scopes,
      end: shown.expiresAt,
      madeAt: this.room.now(),
      isPending: shown.state === 'pending',
      isHeld: false,
      isDead: false,
      overlapUntil: undefined,
      labels: shown.labels,
      orderedBy: 'account anna',
      idleFrom: this.room.now(),
      ...from,
    })
  }

  /** Ends a line with all that hangs below it. */
  end(line: string): void {
    for (const one of this.tokens)
      if (!one.isDead && (one.line === line || one.parentLine === line)) {
        one.isDead = true
        this.end(one.line)
      }
  }

  /** Whether a second person must agree to whoever gets the text of such a token now. */
  needsSecond({ scopes }: Known): boolean {
    const { sensitiveScopes, policies } = this.room.settings().tokens
    return (
      sensitiveScopes.some((one) => scopes.includes(one)) || policies.some(({ template }) => template !== undefined)
    )
  }

  /** Whether the policies, chosen by a token's labels, let it be used: nothing of it looks at the room's rules. */
  isAllowed({ labels, idleFrom, madeAt }: Known, asked: { scope: string; address: string }, now: number): boolean {
    return this.room.settings().tokens.policies.every(({ for: whom, ...one }) => {
      if (whom?.labels && !whom.labels.some((label) => labels.includes(label))) return true
      const idleMax = one.dormantSeconds?.quarantine ?? Number.POSITIVE_INFINITY
      return (
        (one.scopes?.some((scope) => scope === asked.scope) ?? true) &&
        (!one.networks || asked.address.startsWith('10.')) &&
        now - idleFrom <= idleMax &&
        now < madeAt + (one.lifetimeSecondsMax ?? Number.POSITIVE_INFINITY)
      )
    })
  }

  /** The best that a token can be allowed, by what was granted: nothing of it looks at the room. */
  mayUse(token: Known, asked: { scope: string; address: string }, now: number): boolean {
    const { standing, settings } = this.room
    const held = standing.get(OWNER)
    const dead = token.isDead || token.isHeld || token.isPending || now >= token.end
    const gone = token.overlapUntil !== undefined && now >= token.overlapUntil
    const { lifetimeSecondsMax } = settings().tokens
    if (dead || gone || !standing.has(OWNER) || now >= token.madeAt + lifetimeSecondsMax) return false
    if (!token.scopes.includes(asked.scope) || (held && !held.includes(asked.scope))) return false
    if (!this.isAllowed(token, asked, now)) return false
    if (token.parentLine === null) return true
    const above = this.tokens.filter(({ line }) => line === token.parentLine)
    return above.some((parent) => this.mayUse(parent, asked, now))
  }
}

/** Reads what stands above a token, as verification does. */
const aboveIn = (room: TokenRoom) =>
  createAbove({
    ...room,
    limits: (record) => limitsFor(record, room.settings()),
    async owner(of) {
      const standing = await room.owner(of)
      return { alive: standing !== undefined, scopes: standing?.scopes }
    },
  })

/** Uses a token as the records of use would write it, where it is good for anything at all. */
async function use({ room }: Model, token: Known): Promise<void> {
  const doc = await room.store.get('api-tokens', token.id.slice(4))
  assert.ok(doc)
  const rights = await tokenOf(room.seal, doc)
  const above = await aboveIn(room).of({ doc, record: rights }, true)
  if (verdict({ doc, rights }, above, { address: ADDRESSES[0] }, room.now()) !== 'VALID') return
  const staged = new Unit({ store: room.store, cid: `use ${token.id} ${room.now()} ${doc.rev}`, request: 'test' })
  staged.update('api-tokens', doc, { lastUse: room.now() })
  await room.commit(staged)
  token.idleFrom = room.now()
}

async function play(model: Model, step: Command): Promise<void> {
  const { room, tokens: all } = model
  const { tokens, run } = room
  const pick = (n: number): Known | undefined => all[n % Math.max(1, all.length)]
  if (step.do === 'pass') return room.later(step.seconds)
  if (step.do === 'configure') return room.configure(CONFIGURATIONS[step.as] ?? {})
  if (step.do === 'tick') return room.schedule.tick()
  if (step.do === 'owner')
    return void (step.holds?.length === 0 ? room.standing.delete(OWNER) : room.standing.set(OWNER, step.holds))
  if (step.do === 'create') {
    const parent = step.under === undefined ? undefined : pick(step.under)
    const lifetimeSeconds = step.days === undefined ? undefined : step.days * DAY
    const { scopes, labels } = step
    const wanted = order({ scopes, labels, lifetimeSeconds, parent: parent?.id })
    const { shown } = await run((unit) => tokens.create(unit, wanted, 'account anna'))
    const { lifetimeSecondsMax } = room.settings().tokens
    assert.ok(shown.expiresAt <= room.now() + lifetimeSecondsMax)
    if (parent) {
      assert.ok(shown.expiresAt <= parent.end, 'outlives its parent')
      assert.ok(
        shown.scopes.every((one) => parent.scopes.includes(one)),
        'is wider than its parent',
      )
    }
    return model.add(shown)
  }
  const token = pick(step.of)
  if (!token) return
  const { id } = token
  if (step.do === 'rotate') {
    const input = { overlapSeconds: step.overlap, by: step.by, why: 'asked' }
    const { shown } = await run((unit) => tokens.rotate(unit, id, input))
    const waits = model.needsSecond(token) && step.by !== token.orderedBy
    assert.equal(shown.state === 'pending', waits, 'one person alone has the text of what takes two')
    assert.ok(shown.expiresAt <= token.end, 'a rotation lengthened it')
    assert.ok(!token.isHeld && !token.isPending && !token.isDead)
    const before = await tokens.show(id)
    assert.ok((before.overlapUntil ?? Number.POSITIVE_INFINITY) <= token.end, 'overlaps past its end')
    token.overlapUntil = before.overlapUntil ?? 0
    return model.add(shown, { scopes: token.scopes, orderedBy: waits ? step.by : token.orderedBy })
  }
  if (step.do === 'use') return use(model, token)
  if (step.do === 'approve') {
    await run((unit) => tokens.approve(unit, id, 'account boris'))
    token.isPending = false
  } else if (step.do === 'quarantine') {
    await run((unit) => tokens.quarantine(unit, id, { by: 'operator', why: 'odd' }))
    token.isHeld = true
  } else if (step.do === 'release') {
    await run((unit) => tokens.release(unit, id, 'operator'))
    token.isHeld = false
    token.idleFrom = room.now()
  } else if (step.do === 'revoke') {
    await run((unit) => tokens.revoke(unit, id, { by: 'operator', why: 'over' }))
    token.isDead = true
    if (token.overlapUntil === undefined) model.end(token.line)
  } else if (step.do === 'narrow') {
    const { scopes } = step
    await run((unit) => tokens.narrow(unit, id, { scopes, by: 'operator' }))
    token.scopes = token.scopes.filter((one) => scopes.some((left) => left === one))
  }
}

async function judge(model: Model): Promise<number> {
  const { room } = model
  let valid = 0
  for (const token of model.tokens) {
    const doc = await room.store.get('api-tokens', token.id.slice(4))
    assert.ok(doc)
    const rights = await tokenOf(room.seal, doc)
    const above = await aboveIn(room).of({ doc, record: rights }, true)
    for (const scope of SCOPES)
      for (const address of ADDRESSES) {
        const asked = { scopes: [scope], address }
        if (verdict({ doc, rights }, above, asked, room.now()) !== 'VALID') continue
        valid++
        const can = model.mayUse(token, { scope, address }, room.now())
        assert.ok(can, `${token.id} may not use ${scope} from ${address}`)
      }
  }
  return valid
}

const isRefusal = (cause: unknown): boolean => cause instanceof Error && cause.name === 'Refusal'

describe('an API token, whatever is done to it', () => {
  it('is never wider, longer-lived or more alive than its owner, its parent and the limits allow', async () => {
    let valid = 0
    let granted = 0
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 6, maxLength: 24, size: 'max' }), async (steps) => {
        const room = await openTokens(CONFIGURATIONS[0])
        const model = new Model(room)
        for (const step of steps) {
          await play(model, step).then(
            () => granted++,
            (cause) => assert.ok(isRefusal(cause), String(cause?.stack)),
          )
          valid += await judge(model)
        }
        assert.deepEqual(room.failures, [])
      }),
      { numRuns: 600 },
    )
    assert.ok(valid > 2000 && granted > 3000, `too little happened: ${valid} valid, ${granted} granted`)
  }).timeout(240_000)
})
