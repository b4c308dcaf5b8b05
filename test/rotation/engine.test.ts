/** The engine: bad policies, shadow, limits, who is asked. Time is handed in: no test waits. */

import assert from 'node:assert/strict'
import {
  type CredentialKind,
  type RotationDecision,
  type RotationPolicy,
  rotationSchema,
} from '../../src/config/index.ts'
import { createEngine, refreshNorm } from '../../src/rotation/index.ts'
import { factsFor } from './facts.ts'

/** An engine whose watch and timer a test holds in its hand. */
function engineOf(rotation: readonly unknown[]) {
  const hand = { ms: 0, due: [] as (() => void)[], cancelled: 0 }
  const failures: string[] = []
  const engine = createEngine({
    rules: rotationSchema.parse(rotation),
    norm: refreshNorm,
    stopwatch: () => hand.ms,
    after(_ms, then) {
      hand.due.push(then)
      return () => {
        hand.cancelled++
      }
    },
    report: ({ policy, failed }) => failures.push(`${policy}: ${failed}`),
  })
  return { engine, hand, failures }
}

const says =
  (decision: RotationDecision): RotationPolicy =>
  () =>
    decision
const bound = factsFor({ credential: { bound: 'dpop' } })

describe('a policy that goes wrong', () => {
  const wrong: Readonly<Record<string, RotationPolicy>> = {
    throws: () => {
      throw new Error('boom')
    },
    'rejects later': () => Promise.reject(new Error('later boom')),
    'returns nothing': () => JSON.parse('null'),
    'returns a word': () => JSON.parse('"keep"'),
    'returns an unknown action': () => JSON.parse('{"do":"perhaps"}'),
    'returns what throws when it is read': () =>
      JSON.parse('{}') && Object.defineProperty(JSON.parse('{}'), 'do', { get: () => assert.fail('read') }),
    'returns what throws when it is awaited': () =>
      Object.defineProperty(JSON.parse('{}'), 'then', { get: () => assert.fail('awaited') }),
    'asks for a negative lifetime': () => ({ do: 'keep', lifetimeSeconds: -1 }),
  }
  for (const [what, policy] of Object.entries(wrong)) {
    it(`${what}: the default holds, and a person can see why`, async () => {
      const { engine, failures } = engineOf([{ policy, name: 'bad' }])
      const verdict = await engine.decide(bound)
      assert.equal(verdict.do, 'keep')
      assert.equal(failures.length, 1)
      assert.match(verdict.opinions[0]?.failed ?? '', /threw: |said no decision/)
      assert.match(
        verdict.opinions[0]?.why ?? '',
        /the stricter of the default \(keep\) and its last decision \(none\) holds/,
      )
      assert.deepEqual([engine.reports()[0]?.asked, engine.reports()[0]?.failed], [1, 1])
    })
  }

  it('falls back to its last decision for this credential where that was stricter', async () => {
    let broken = false
    const policy: RotationPolicy = () => {
      if (broken) throw new Error('down')
      return { do: 'deny', why: 'not today' }
    }
    const { engine } = engineOf([policy])
    assert.equal((await engine.decide(bound)).do, 'deny')
    broken = true
    assert.equal((await engine.decide(factsFor({ credential: { bound: 'dpop' } }))).do, 'deny')
    assert.equal((await engine.decide(factsFor({ credential: { bound: 'dpop', id: 'another' } }))).do, 'keep')
  })

  it('never settles: after 50 ms it is aborted and the default holds', async () => {
    let signal: AbortSignal | undefined
    const { engine, hand } = engineOf([
      (_facts: unknown, given: AbortSignal) => {
        signal = given
        return new Promise(() => {})
      },
      says({ do: 'rotate', why: 'heard' }),
    ])
    const deciding = engine.decide(bound)
    for (const then of hand.due) then()
    const verdict = await deciding
    assert.equal(verdict.do, 'rotate')
    assert.equal(signal?.aborted, true)
    assert.match(verdict.opinions[0]?.failed ?? '', /did not answer within 50 ms/)
  })

  it('holds the process too long: its answer does not count, and it is asked no more until the next start', async () => {
    let asked = 0
    const { engine, hand, failures } = engineOf([
      {
        name: 'slow',
        policy: () => {
          asked++
          hand.ms += 51
          return { do: 'deny' }
        },
      },
    ])
    assert.equal((await engine.decide(bound)).do, 'keep')
    const second = await engine.decide(bound)
    assert.equal(asked, 1)
    assert.equal(second.do, 'keep')
    assert.match(second.opinions[0]?.failed ?? '', /held the process for 51 ms and is disabled/)
    assert.equal(failures.length, 1)
    assert.match(engine.reports()[0]?.disabled ?? '', /disabled until the next start/)
  })

  it('cannot change what the next one sees', async () => {
    const { engine } = engineOf([
      (facts: { client: { public: boolean } }) => {
        facts.client.public = true
        return { do: 'keep' }
      },
    ])
    const verdict = await engine.decide(factsFor())
    assert.match(verdict.opinions[0]?.failed ?? '', /threw/)
    assert.equal(verdict.do, 'rotate')
  })
})

describe('what holds', () => {
  it('is the default where every policy abstains, and where there is none', async () => {
    assert.equal((await engineOf([]).engine.decide(factsFor())).do, 'rotate')
    assert.equal((await engineOf([says({ do: 'abstain' })]).engine.decide(factsFor())).do, 'rotate')
    assert.equal((await engineOf([says({ do: 'keep' })]).engine.decide(factsFor())).do, 'keep')
  })

  it('is never less than rotation for a public client without a binding', async () => {
    const { engine } = engineOf([says({ do: 'keep' })])
    assert.equal((await engine.decide(factsFor({ client: { public: true } }))).do, 'rotate')
  })

  it('is no rotation under the limit neverRotate, but a denial is one', async () => {
    const limits = { neverRotate: true }
    assert.equal((await engineOf([says({ do: 'rotate' })]).engine.decide(factsFor({ limits }))).do, 'keep')
    assert.equal((await engineOf([says({ do: 'stepUp' })]).engine.decide(factsFor({ limits }))).do, 'keep')
    assert.equal((await engineOf([says({ do: 'deny' })]).engine.decide(factsFor({ limits }))).do, 'deny')
  })

  it('leaves out those that are for other clients or labels', async () => {
    const { engine } = engineOf([
      { policy: says({ do: 'deny' }), clients: ['other'] },
      { policy: says({ do: 'deny' }), labels: ['batch'] },
    ])
    assert.deepEqual((await engine.decide(factsFor())).opinions, [])
    assert.equal((await engine.decide(factsFor({ client: { label: 'batch' } }))).do, 'deny')
    assert.equal((await engine.decide(factsFor({ client: { id: 'other' } }))).do, 'deny')
  })

  it('is for everything that people and clients hold, and for signing keys only where a rule says so', async () => {
    const { engine } = engineOf([
      { policy: says({ do: 'rotate' }), name: 'held' },
      { policy: says({ do: 'rotate' }), name: 'keys', kinds: ['signing_key'] },
      { policy: says({ do: 'rotate' }), name: 'tokens', kinds: ['api_token', 'refresh_token'] },
    ])
    const asked = async (kind: CredentialKind) =>
      (await engine.decide(factsFor({ credential: { kind } }))).opinions.map(({ policy }) => policy)
    assert.deepEqual(await asked('refresh_token'), ['held', 'tokens'])
    assert.deepEqual(await asked('api_token'), ['held', 'tokens'])
    assert.deepEqual(await asked('client_secret'), ['held'])
    assert.deepEqual(await asked('signing_key'), ['keys'])
    assert.deepEqual(
      engine.reports().map(({ kinds }) => kinds),
      [undefined, ['signing_key'], ['api_token', 'refresh_token']],
    )
  })

  it('denies when no scope is left', async () => {
    const { engine } = engineOf([says({ do: 'rotate', scopes: ['read'] }), says({ do: 'rotate', scopes: ['write'] })])
    const { do: done, why } = await engine.decide(factsFor())
    assert.deepEqual([done, why], ['deny', 'no scope is left'])
  })
})

describe('a shadowed policy', () => {
  it('is recorded with what would have been, and has no effect', async () => {
    const { engine } = engineOf([
      says({ do: 'keep', why: 'fine' }),
      { policy: says({ do: 'revoke', why: 'too old' }), shadow: true, name: 'strict' },
    ])
    const verdict = await engine.decide(factsFor())
    assert.equal(verdict.do, 'keep')
    assert.deepEqual(verdict.shadow, { do: 'revoke', why: 'strict: too old' })
    assert.deepEqual(
      verdict.opinions.map(({ policy, do: said, shadow }) => [policy, said, shadow]),
      [
        ['policy 1', 'keep', false],
        ['strict', 'revoke', true],
      ],
    )
  })

  it('says nothing where it agrees', async () => {
    const { engine } = engineOf([says({ do: 'keep' }), { policy: says({ do: 'keep' }), shadow: true }])
    assert.equal((await engine.decide(factsFor())).shadow, undefined)
  })
})
