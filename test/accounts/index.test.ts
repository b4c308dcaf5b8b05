/** Accounts: names, passwords and attempts. The clock is moved by hand; what an attempt costs is counted. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Store } from '../../adapters/store.ts'
import { createAccounts, passwordFault } from '../../src/accounts/index.ts'
import { isLoginName, normalName } from '../../src/accounts/rules.ts'
import { systemRandom as random, randomText, Unit } from '../../src/base/index.ts'
import { createSeal, fixedMasters } from '../../src/seal/index.ts'
import { HandClock, masterOf, openTestStore, STORES } from '../support/world.ts'

const GOOD = 'seven copper lanterns hum'

async function open(kind: 'sqlite' | 'mongodb') {
  const store: Store = await openTestStore(kind)
  const clock = new HandClock()
  const seal = await createSeal({ store, clock, random, masters: fixedMasters(masterOf(9)) })
  const cost = { hashes: 0, checks: 0 }
  const hasher = {
    async hash(password: string) {
      cost.hashes++
      return `hash of ${password}`
    },
    async verify(hash: string, password: string) {
      cost.checks++
      return hash === `hash of ${password}`
    },
  }
  const unit = () => new Unit({ store, cid: randomText(random, 16), request: randomText(random, 9) })
  const accounts = await createAccounts({
    store,
    seal,
    clock,
    random,
    hasher,
    unit,
    commit: (staged) => store.commit(staged.writes('all')),
    demoUsable: false,
  })
  return { store, clock, accounts, cost }
}

for (const kind of STORES) {
  describe(`accounts on ${kind}`, () => {
    it('sign in by name or e-mail address, whatever its case and width', async () => {
      const { store, accounts } = await open(kind)
      const { sub } = await accounts.create({ loginName: 'Ada', email: 'Ada@Example.test', password: GOOD })
      for (const loginName of ['ada', ' ADA ', 'ａｄａ', 'ada@example.TEST'])
        assert.deepEqual(await accounts.authenticate({ loginName, password: GOOD, network: 'n' }), { ok: true, sub })
      await assert.rejects(accounts.create({ loginName: 'ADA', password: GOOD }), /already/)
      await store.close()
    })

    it('cost the same and answer the same, known or unknown, right account disabled or not', async () => {
      const { store, accounts, cost } = await open(kind)
      await accounts.create({ loginName: 'ada', password: GOOD })
      await accounts.create({ loginName: 'off', password: GOOD })
      await accounts.disable('off')
      for (const [loginName, password] of [
        ['ada', 'wrong'],
        ['nobody', 'wrong'],
        ['off', GOOD],
        ['', ''],
        ['x'.repeat(5000), 'y'.repeat(9999)],
      ] as const) {
        const before = cost.checks
        assert.deepEqual(await accounts.authenticate({ loginName, password, network: loginName.slice(0, 5) }), {
          ok: false,
          why: 'wrong',
        })
        assert.equal(cost.checks - before, 1)
      }
      await store.close()
    })

    it('make a network wait after five failures, known name or not, and let the owner in from elsewhere', async () => {
      const { store, clock, accounts, cost } = await open(kind)
      await accounts.create({ loginName: 'ada', password: GOOD })
      for (const loginName of ['ada', 'nobody']) {
        for (let n = 0; n < 5; n++) await accounts.authenticate({ loginName, password: 'wrong', network: 'thief' })
        const before = cost.checks
        const answer = await accounts.authenticate({ loginName, password: GOOD, network: 'thief' })
        assert.ok(!answer.ok && answer.why === 'throttled' && answer.waitSeconds > 0 && answer.waitSeconds <= 900)
        assert.equal(cost.checks, before, 'a throttled attempt costs no hash')
      }
      assert.equal((await accounts.authenticate({ loginName: 'ada', password: GOOD, network: 'home' })).ok, true)
      clock.forward(901)
      assert.equal((await accounts.authenticate({ loginName: 'ada', password: GOOD, network: 'thief' })).ok, true)
      await store.close()
    })

    it('count rivals of a flood one by one', async () => {
      const { store, accounts } = await open(kind)
      await Promise.all(
        Array.from({ length: 8 }, () =>
          accounts.authenticate({ loginName: 'ada', password: 'wrong', network: 'flood' }),
        ),
      )
      const answer = await accounts.authenticate({ loginName: 'ada', password: 'wrong', network: 'flood' })
      assert.equal(answer.ok ? '' : answer.why, 'throttled')
      await store.close()
    })

    it('refuse a demonstration account where it may not be used', async () => {
      const { store, accounts } = await open(kind)
      const { sub } = await accounts.create({ loginName: 'demo', password: GOOD, demo: true })
      assert.equal(await accounts.find(sub), undefined)
      assert.equal((await accounts.authenticate({ loginName: 'demo', password: GOOD, network: 'n' })).ok, false)
      await store.close()
    })
  })
}

describe('passwords and names', () => {
  it('refuse the short, the long and what everybody tries; take a few words in a row', () => {
    for (const [password, fault] of [
      ['short', 'short'],
      ['fourteen chars', 'short'],
      ['x'.repeat(257), 'long'],
      ['passwordpassword', 'common'],
      ['Password123456789', 'common'],
      ['P4ssw0rd!P4ssw0rd!', 'common'],
      ['aaaaaaaaaaaaaaaa', 'common'],
      ['abcabcabcabcabcabc', 'common'],
      ['1234567890123456', 'common'],
      ['abcdefghijklmnopqr', 'common'],
      ['ada.lovelace.2024', 'common'],
      ['correct horse battery staple', 'common'],
      ['seven copper lanterns hum', undefined],
      ['ünïcödé wörds äre fine', undefined],
      ['k7Qz!9vX2pLm#4wR', undefined],
    ] as const)
      assert.equal(passwordFault(password, 'ada.lovelace'), fault, password)
  })

  it('normalise a name once and for all', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (name) => normalName(normalName(name)) === normalName(name)))
    assert.equal(isLoginName('ada\u0000'), false)
    assert.equal(isLoginName('   '), false)
    assert.equal(isLoginName('ada'), true)
  })
})
