/** The policies that come with Mintmark, each at its edges. */

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { RotationDecision, RotationFacts, RotationPolicy } from '../../src/config/index.ts'
import {
  always,
  createEngine,
  grace,
  idle,
  maxAge,
  maxRotations,
  maxUses,
  onCountryChange,
  onNetworkChange,
  pastShareOfLifetime,
  quietHours,
  type Recorded,
  refreshNorm,
  rotateAfter,
  simulate,
  stagedRollout,
  webhook,
  whenNotBound,
} from '../../src/rotation/index.ts'
import { factsFor } from './facts.ts'

const never = new AbortController().signal
const ask = async (policy: RotationPolicy, facts: RotationFacts): Promise<RotationDecision> => policy(facts, never)
const does = async (policy: RotationPolicy, facts: RotationFacts): Promise<string> => (await ask(policy, facts)).do

describe('the built-in policies', () => {
  it('always, whenNotBound, pastShareOfLifetime say keep or rotate', async () => {
    assert.equal(await does(always(), factsFor({ credential: { bound: 'mtls' } })), 'rotate')
    assert.equal(await does(whenNotBound(), factsFor()), 'rotate')
    assert.equal(await does(whenNotBound(), factsFor({ credential: { bound: 'dpop' } })), 'keep')
    assert.equal(await does(pastShareOfLifetime(0.7), factsFor({ credential: { lifetimeShare: 0.69 } })), 'keep')
    assert.equal(await does(pastShareOfLifetime(0.7), factsFor({ credential: { lifetimeShare: 0.7 } })), 'rotate')
    assert.throws(() => pastShareOfLifetime(70), /between 0 and 1/)
  })

  it('idle and maxAge end what is too old, and shorten what is not', async () => {
    const week = 7 * 86_400
    assert.deepEqual(await ask(idle('7d'), factsFor({ credential: { idleSeconds: week - 1 } })), {
      do: 'abstain',
      lifetimeSeconds: week,
    })
    assert.equal(await does(idle('7d'), factsFor({ credential: { idleSeconds: week } })), 'revoke')
    assert.deepEqual(await ask(maxAge('7d'), factsFor({ credential: { chainAgeSeconds: week - 10 } })), {
      do: 'abstain',
      lifetimeSeconds: 10,
    })
    assert.equal(await does(maxAge('7d'), factsFor({ credential: { chainAgeSeconds: week } })), 'revoke')
    assert.throws(() => idle('a week'), /not a duration/)
  })

  it('maxRotations ends a chain, grace shortens the window', async () => {
    assert.equal(await does(maxRotations(4), factsFor()), 'abstain')
    assert.equal(await does(maxRotations(3), factsFor()), 'revoke')
    assert.deepEqual(await ask(grace('3s'), factsFor()), { do: 'abstain', graceSeconds: 3 })
  })

  it('rotateAfter rotates at an age, maxUses after so many uses where they are counted', async () => {
    const day = 86_400
    assert.equal(await does(rotateAfter('30d'), factsFor({ credential: { ageSeconds: 30 * day - 1 } })), 'keep')
    assert.equal(await does(rotateAfter('30d'), factsFor({ credential: { ageSeconds: 30 * day } })), 'rotate')
    assert.throws(() => rotateAfter('a month'), /not a duration/)
    assert.equal(await does(maxUses(5), factsFor()), 'abstain')
    assert.equal(await does(maxUses(5), factsFor({ credential: { uses: 4 } })), 'abstain')
    assert.equal(await does(maxUses(5), factsFor({ credential: { uses: 5 } })), 'rotate')
    assert.throws(() => maxUses(0), /whole number/)
  })

  it('onNetworkChange and onCountryChange act on a change, and say what an absent fact means', async () => {
    const from = (last: string | undefined, now: string | undefined): RotationFacts =>
      factsFor({ credential: { last: { network: last, country: last } }, request: { network: now, country: now } })
    for (const policy of [onNetworkChange, onCountryChange]) {
      assert.equal(await does(policy(), from('a', 'a')), 'abstain')
      assert.equal(await does(policy(), from('a', 'b')), 'stepUp')
      assert.equal(await does(policy({ do: 'quarantine' }), from('a', 'b')), 'quarantine')
      for (const absent of [from(undefined, 'a'), from('a', undefined), factsFor()]) {
        assert.equal(await does(policy(), absent), 'abstain')
        assert.equal(await does(policy({ unknown: 'deny' }), absent), 'deny')
      }
    }
  })

  it('quietHours holds rotations back, over midnight too, and nothing that is stricter', async () => {
    const at = (time: string): RotationFacts => factsFor({ now: Date.parse(`2026-01-05T${time}:00Z`) / 1000 })
    const night = quietHours({ from: '22:00', to: '06:00' }, always())
    for (const [time, expected] of [
      ['21:59', 'rotate'],
      ['22:00', 'keep'],
      ['05:59', 'keep'],
      ['06:00', 'rotate'],
    ] as const)
      assert.equal(await does(night, at(time)), expected, time)
    assert.equal(
      await does(quietHours({ from: '09:00', to: '17:00', offsetMinutes: 60 }, always()), at('08:30')),
      'keep',
    )
    assert.equal(await does(quietHours({ from: '00:00', to: '23:59' }, maxRotations(0)), at('12:00')), 'revoke')
    assert.equal(
      await does(
        quietHours({ from: '00:00', to: '23:59' }, async () => ({ do: 'rotate' })),
        at('12:00'),
      ),
      'keep',
    )
    assert.throws(() => quietHours({ from: '25:00', to: '06:00' }, always()), /time of day/)
  })

  it('stagedRollout asks for about its share, always the same credentials', async () => {
    const policy = stagedRollout(0.1, maxRotations(0))
    const picked: number[] = []
    for (let n = 0; n < 4000; n++) {
      const facts = factsFor({ credential: { id: `family-${n}` } })
      const said = await does(policy, facts)
      assert.equal(await does(policy, facts), said)
      if (said === 'revoke') picked.push(n)
    }
    assert.ok(picked.length > 320 && picked.length < 480, `${picked.length} of 4000`)
  })
})

describe('the webhook', () => {
  const SECRET = 'a secret of sixteen and more'
  let server: Server
  let url: string
  const seen: { body: string; headers: Readonly<Record<string, unknown>> }[] = []
  let reply: { status: number; body: string } = { status: 200, body: '{}' }
  before(async () => {
    server = createServer((req, res) => {
      let body = ''
      req.on('data', (chunk: Buffer) => {
        body += chunk.toString()
      })
      req.on('end', () => {
        seen.push({ body, headers: req.headers })
        res.writeHead(reply.status).end(reply.body)
      })
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    const address = server.address()
    url = `http://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}/decide`
  })
  after(() => void server.close())

  it('sends the facts signed, and takes what it answers', async () => {
    reply = { status: 200, body: '{"do":"deny","why":"off duty"}' }
    const facts = factsFor()
    assert.deepEqual(await ask(webhook(url, SECRET, { allow: ['127.0.0.0/8'] }), facts), {
      do: 'deny',
      why: 'off duty',
    })
    const { body, headers } = seen.at(-1) ?? { body: '', headers: {} }
    assert.deepEqual(JSON.parse(body), JSON.parse(JSON.stringify(facts)))
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    assert.equal(headers['webhook-signature'], `v1,${createHmac('sha256', SECRET).update(signed).digest('base64')}`)
    assert.equal(JSON.stringify([body, headers]).includes(SECRET), false)
  })

  it('fails on another status, on redirects, and where it may not go', async () => {
    reply = { status: 500, body: '{"do":"keep"}' }
    const near = webhook(url, SECRET, { allow: ['127.0.0.0/8'] })
    await assert.rejects(ask(near, factsFor()), /answered 500/)
    reply = { status: 302, body: '' }
    await assert.rejects(ask(near, factsFor()), /answered 302/)
    const before = seen.length
    await assert.rejects(ask(webhook(url, SECRET), factsFor()), /may not be reached/)
    await assert.rejects(ask(webhook('http://[::ffff:127.0.0.1]:1/', SECRET), factsFor()), /may not be reached/)
    await assert.rejects(ask(webhook('http://localhost:1/', SECRET), factsFor()), /may not be reached/)
    assert.equal(seen.length, before)
    assert.throws(() => webhook('file:///etc/passwd', SECRET), /http/)
    assert.throws(() => webhook(url, 'short'), /16 characters/)
  })
})

describe('a simulation', () => {
  it('counts what would have changed, and asks no more about what would have ended', async () => {
    const engine = createEngine({
      rules: [
        {
          policy: maxRotations(2),
          name: 'two',
          version: '1',
          clients: undefined,
          labels: undefined,
          kinds: undefined,
          shadow: false,
        },
      ],
      norm: refreshNorm,
      stopwatch: () => 0,
      after: () => () => {},
      report: () => {},
    })
    const traffic = (id: string, sub: string): Recorded[] =>
      [0, 1, 2, 3, 4].map((rotations) => ({
        facts: { ...factsFor({ credential: { id, rotations } }), subject: { id: sub } },
        decided: 'rotate',
      }))
    const all = [
      ...traffic('a', 'ada'),
      ...traffic('b', 'ada'),
      { facts: factsFor({ credential: { id: 'c', rotations: 0 } }), decided: 'keep' as const },
    ]
    const { examples, ...result } = await simulate(engine, all)
    assert.deepEqual(result, {
      events: 7,
      before: { rotate: 6, keep: 1 },
      after: { rotate: 5, revoke: 2 },
      changed: 3,
      rotationsMore: 1,
      rotationsFewer: 2,
      denials: 0,
      signedOut: 1,
      failures: 0,
    })
    assert.match(examples[0] ?? '', /rotate -> revoke \(two: rotated 2 times\)/)
  })
})
