/** Two nodes with one ring: what one of them knows less, does late or does at the same time must harm no key. */

import assert from 'node:assert/strict'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { Store } from '../../adapters/store.ts'
import { createSoftwareSigners, type Signers } from '../../src/keys/index.ts'
import { openKeyringNode, PUBLISH_SECONDS, SESSION_SECONDS } from '../support/keyring-node.ts'
import { HandClock, openTestStore } from '../support/world.ts'

const HALF_HOUR = PUBLISH_SECONDS
const DAY = SESSION_SECONDS

type Input = Parameters<typeof openKeyringNode>[2]

const signers = (algorithms: Input['algorithms'], name = 'software'): Signers => ({
  ...createSoftwareSigners(),
  name,
  algorithms,
})

async function node(store: Store, clock: HandClock, input: Input) {
  const { seal, keyring } = await openKeyringNode(store, clock, input)
  /** A timer turns the data key before the ring. */
  const after = (work: () => Promise<void>) => async (): Promise<void> => {
    await seal.refresh()
    await work()
  }
  return { ...keyring, tick: after(keyring.tick), announce: after(keyring.announce) }
}

type Node = Awaited<ReturnType<typeof node>>

const state = async (of: Node, kid: string): Promise<string | undefined> =>
  (await of.list({ destroyed: true })).find((key) => key.kid === kid)?.state
const kidOf = async (of: Node, algorithm: string, wanted: string): Promise<string> =>
  (await of.list({ destroyed: false })).find((key) => key.algorithm === algorithm && key.state === wanted)?.kid ?? ''

describe('two nodes with one keyring', () => {
  let store: Store
  let clock: HandClock
  beforeEach(async () => {
    store = await openTestStore('sqlite')
    clock = new HandClock()
  })
  afterEach(() => store.close())

  it('stop no key that only the other one wants, until nobody has wanted it for a day', async () => {
    const knows = await node(store, clock, { algorithms: ['ES256', 'Ed25519'] })
    const knowsLess = await node(store, clock, { algorithms: ['ES256'] })
    const kid = await kidOf(knows, 'Ed25519', 'current')
    await knowsLess.tick()
    await knowsLess.rotate({ alg: 'ES256', dryRun: false })
    assert.equal(await state(knows, kid), 'current')
    for (let hours = 0; hours < 30; hours++) {
      clock.forward(3600)
      await knows.announce()
      await knowsLess.tick()
    }
    assert.equal(await state(knows, kid), 'current', 'as long as one of them says so')
    clock.forward(DAY + 1)
    await knowsLess.tick()
    assert.equal(await state(knowsLess, kid), 'previous')
  })

  it('turn although a signer makes no keys for one algorithm, which can still be dropped', async () => {
    const before = await node(store, clock, { algorithms: ['ES256', 'Ed25519'] })
    await before.tick()
    const lacks = [signers(['ES256'], 'other'), createSoftwareSigners()] as const
    const now = await node(store, clock, { algorithms: ['ES256', 'Ed25519'], signers: [...lacks] })
    const [es256, ed25519] = [await kidOf(now, 'ES256', 'current'), await kidOf(now, 'Ed25519', 'current')]
    for (const seconds of [1, 1, HALF_HOUR, HALF_HOUR]) {
      clock.forward(seconds)
      await now.tick()
    }
    assert.notEqual(await state(now, es256), 'current', 'the others turn')
    assert.equal(await state(now, ed25519), 'current', 'it goes on with the key that it has')
    const report = await now.drop({ why: 'compromised', dryRun: false })
    assert.ok(report.dropped.some(({ kid }) => kid === ed25519))
    assert.equal(now.signs('Ed25519'), false)
    assert.equal(now.signs('ES256'), true)
  })

  it('never bring a dropped key back, nor destroy one that signs, by a command that comes late', async () => {
    const one = await node(store, clock, { algorithms: ['ES256'] })
    const other = await node(store, clock, { algorithms: ['ES256'] })
    await one.tick()
    await other.poll()
    const next = await kidOf(one, 'ES256', 'next')
    clock.forward(HALF_HOUR)
    await other.rotate({ dryRun: false })
    // What `one` last saw is older than this.
    await assert.rejects(one.destroy(next, { dryRun: false }), /Only a retired or a next key/)
    assert.equal(await state(one, next), 'current')
    const previous = await kidOf(one, 'ES256', 'previous')
    await other.drop({ kid: previous, why: 'compromised', dryRun: false })
    await assert.rejects(one.retire(previous, { force: true, dryRun: false }), /stopped signing/)
    assert.equal(await state(one, previous), 'destroyed')
    await assert.rejects(one.drop({ kid: previous, why: 'again', dryRun: false }), /destroyed already/)
  })

  it('withdraw no key by hand that somebody may still need', async () => {
    const one = await node(store, clock, { algorithms: ['ES256'] })
    const other = await node(store, clock, { algorithms: ['ES256'] })
    await one.tick()
    clock.forward(HALF_HOUR)
    await one.tick()
    const key = other.keys().find(({ alg, sign }) => alg === 'ES256' && sign)
    await one.rotate({ dryRun: false })
    // Another node, that has not followed yet, signs with the old key, and has not counted it either.
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
    const data = `${encode({ alg: 'ES256', kid: key?.kid })}.${encode({ exp: Math.floor(clock.now() / 1000) + 7200 })}`
    const signature = Buffer.from((await key?.sign?.(Buffer.from(data))) ?? []).toString('base64url')
    await assert.rejects(one.retire(key?.kid ?? '', { force: false, dryRun: false }), /still alive/)
    await other.flushUses()
    clock.forward(120)
    await one.tick()
    await jwtVerify(`${data}.${signature}`, createLocalJWKSet(JSON.parse(one.jwks().body)))
    const cookie = await kidOf(one, 'cookie', 'current')
    await one.rotate({ alg: 'cookie', dryRun: false })
    await assert.rejects(one.retire(cookie, { force: false, dryRun: false }), /still alive/)
  })

  it('are not ready while a key that signs has no signer, and ask a signer once a second at most', async () => {
    let asked = 0
    const counting: Signers = {
      ...createSoftwareSigners(),
      name: 'counting',
      async ready() {
        asked++
      },
    }
    const one = await node(store, clock, { algorithms: ['ES256'], signers: [counting] })
    await Promise.all(Array.from({ length: 50 }, () => one.ready()))
    assert.equal(asked, 1)
    clock.forward(2)
    await one.ready()
    assert.equal(asked, 2)
  })
})
