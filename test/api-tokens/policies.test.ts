/** Lifecycle policies as code: which hold for a token, what they allow, whom they catch, and what a change of them would do. */

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { type HeldToken, policyCheck, policySimulate } from '../../src/api-tokens/index.ts'
import { type Chosen, lifecycleOf, limitsFor, needsApproval } from '../../src/api-tokens/limits.ts'
import { inBoth, isInside, isWithin } from '../../src/api-tokens/networks.ts'
import { effectsOn } from '../../src/api-tokens/policies.ts'
import type { TokenRecord } from '../../src/api-tokens/records.ts'
import { templates } from '../../src/api-tokens/templates.ts'
import {
  BadConfiguration,
  type ConfigurationInput,
  parseConfiguration,
  TOKEN_TEMPLATES,
} from '../../src/config/index.ts'
import { tokenRecord } from '../support/token-record.ts'
import { DAY, openTokens, order } from '../support/tokens.ts'

type Policies = NonNullable<NonNullable<ConfigurationInput['tokens']>['policies']>
const withPolicies = (...policies: Policies) => parseConfiguration({ tokens: { policies } })
const token = (more: Partial<Chosen> = {}): Chosen => ({
  kind: 'service',
  owner: { type: 'service', id: 'reports' },
  labels: ['nightly'],
  template: null,
  ...more,
})

const NOW = 1_800_000_000
function held(more: Partial<TokenRecord> = {}, doc: Partial<HeldToken['doc']> = {}): HeldToken {
  return {
    doc: {
      id: 'x',
      state: 'active',
      revokedAt: null,
      iat: NOW - 10 * DAY,
      exp: NOW + 20 * DAY,
      lastUse: NOW,
      fields: { successor: null, overlapUntil: null, notBefore: null, idleFrom: null },
      ...doc,
    },
    record: tokenRecord({ ...token(), createdAt: NOW, createdBy: 'account anna', ending: '', ...more }),
  }
}

describe('policies for a token', () => {
  it('are those that fit its kind, owner, labels and template; the strictest of all holds', () => {
    const configuration = withPolicies(
      { name: 'all', lifetimeSecondsMax: 100 * DAY },
      { name: 'services', for: { kinds: ['service'], owners: ['service:*'] }, lifetimeSecondsMax: 50 * DAY },
      { name: 'people', for: { kinds: ['personal'] }, lifetimeSecondsMax: DAY },
      { name: 'other', for: { owners: ['service:other'] }, lifetimeSecondsMax: DAY },
      { name: 'labelled', for: { labels: ['nightly', 'x'] }, scopes: ['read', 'write'] },
      { name: 'partners', for: { templates: ['partner'] }, scopes: ['read'] },
    )
    assert.equal(limitsFor(token(), configuration).lifetimeSecondsMax, 50 * DAY)
    assert.deepEqual(limitsFor(token(), configuration).scopes, ['read', 'write'])
    assert.deepEqual(limitsFor(token({ template: 'partner' }), configuration).scopes, ['read'])
    assert.equal(limitsFor(token({ labels: [] }), configuration).scopes, undefined)
    assert.deepEqual(lifecycleOf(token(), configuration).lifetimeMax, { value: 50 * DAY, policy: 'services' })
  })

  it('build on templates that ship, and a token may name one', () => {
    assert.deepEqual(Object.keys(templates).toSorted(), [...TOKEN_TEMPLATES].toSorted())
    const none = withPolicies()
    for (const template of TOKEN_TEMPLATES) {
      const life = lifecycleOf(token({ template }), none)
      const { dormantSeconds = {}, ...figures } = templates[template]
      assert.equal(life.lifetimeMax.value, figures.lifetimeSecondsMax)
      assert.equal(life.rotateEvery?.value, figures.rotateEverySeconds)
      assert.equal(life.approval, figures.approval ? template : undefined)
      const ladder = [dormantSeconds.warn, dormantSeconds.quarantine, dormantSeconds.revoke].filter((n) => n)
      assert.deepEqual(
        ladder,
        ladder.toSorted((a = 0, b = 0) => a - b),
        `${template}: warned, then held, then ended`,
      )
      const built = lifecycleOf(token(), withPolicies({ name: 'mine', template, lifetimeSecondsMax: 7 * DAY }))
      assert.equal(built.lifetimeMax.value, Math.min(7 * DAY, figures.lifetimeSecondsMax ?? 7 * DAY))
    }
    assert.throws(() => withPolicies({ name: 'x', template: 'nonsense' as 'ci' }), BadConfiguration)
    assert.throws(() => withPolicies({ name: 'x' }, { name: 'x' }), BadConfiguration)
    const wrong = { name: 'x', networks: { allow: ['10.0.0.0/33'] } }
    assert.throws(() => withPolicies(wrong), /CIDR/)
    const typo = { name: 'x', lifetimeSecondsMx: 1 }
    assert.throws(() => withPolicies(typo), /did you mean lifetimeSecondsMax/)
  })

  it('are printed in the docs as they are', () => {
    const page = readFileSync(join(import.meta.dirname, '../../docs/api-tokens.md'), 'utf8')
    const days = (seconds: number | undefined): string => (seconds === undefined ? '' : `${seconds / DAY} d`)
    for (const [name, figures] of Object.entries(templates)) {
      const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))
      const [, , life, every, , , approval, overdue] = row?.split('|').map((cell) => cell.trim()) ?? []
      assert.deepEqual(
        [life, every, approval === 'yes', overdue === 'held'],
        [
          days(figures.lifetimeSecondsMax),
          days(figures.rotateEverySeconds),
          figures.approval ?? false,
          figures.overdue === 'quarantine',
        ],
        name,
      )
    }
  })

  it('ask for approval where a scope is sensitive or they say so', () => {
    const configuration = parseConfiguration({ tokens: { sensitiveScopes: ['admin'] } })
    assert.equal(needsApproval({ ...token(), scopes: ['read'] }, configuration), false)
    assert.equal(needsApproval({ ...token(), scopes: ['read', 'admin'] }, configuration), true)
    assert.equal(needsApproval({ ...token({ template: 'partner' }), scopes: [] }, configuration), true)
  })

  it('renew by rotation only where one says so and none says no', () => {
    const yes = { name: 'yes', renew: true }
    assert.equal(lifecycleOf(token(), withPolicies()).renews, false)
    assert.equal(lifecycleOf(token(), withPolicies(yes)).renews, true)
    assert.equal(lifecycleOf(token(), withPolicies(yes, { name: 'no', renew: false })).renews, false)
  })
})

describe('networks of several policies', () => {
  const address = fc.tuple(fc.nat(3), fc.nat(3)).map(([a, b]) => `10.${a}.${b}.1`)
  const network = fc.tuple(address, fc.constantFrom(8, 15, 16, 23, 24, 32)).map(([a, bits]) => `${a}/${bits}`)
  const networks = fc.record({
    allow: fc.array(network, { maxLength: 3 }),
    except: fc.array(network, { maxLength: 2 }),
  })

  it('hold exactly what each of them holds', () => {
    fc.assert(
      fc.property(networks, networks, address, (a, b, one) => {
        assert.equal(isWithin(inBoth(a, b), one), isWithin(a, one) && isWithin(b, one))
      }),
      { numRuns: 2000 },
    )
  })

  it('are nowhere when they have nothing in common', () => {
    const apart = inBoth(
      { allow: ['10.0.0.0/8'], except: [] },
      { allow: ['192.168.0.0/16', '2001:db8::/32'], except: [] },
    )
    for (const one of ['10.0.0.1', '192.168.0.1', '2001:db8::1', '8.8.8.8']) assert.equal(isWithin(apart, one), false)
    assert.ok(isInside('10.1.2.3', '10.1.0.0/16'))
    assert.ok(!isInside('10.1.0.0/16', '10.1.2.0/24'))
    assert.ok(!isInside('::ffff:0:0/96', '10.1.2.0/24'))
  })
})

describe('policy check', () => {
  it('says which token violates which policy in which way, and leaves the dead alone', () => {
    const configuration = withPolicies(
      { name: 'short', lifetimeSecondsMax: 7 * DAY },
      { name: 'turns', rotateEverySeconds: 9 * DAY },
      { name: 'used', dormantSeconds: { quarantine: 5 * DAY } },
      { name: 'seen', approval: true },
      { name: 'read', scopes: ['read'] },
      { name: 'home', networks: { allow: ['10.0.0.0/8'], except: [] } },
    )
    const bad = held({ scopes: ['read', 'write'] }, { lastUse: NOW - 6 * DAY })
    const found = policyCheck([bad], configuration, NOW)
    assert.deepEqual(
      found.map(({ policy, rule }) => `${policy} ${rule}`),
      ['short lifetime', 'turns rotation', 'used dormancy', 'seen approval', 'read scopes', 'home networks'],
    )
    assert.ok(found.every(({ id, name, what }) => id === 'tok_x' && name === 'nightly' && what.length > 5))
    const strict = withPolicies({ name: 'p', lifetimeSecondsMax: 1800, dormantSeconds: { quarantine: 7200 } })
    const idle = held({}, { lastUse: NOW - 10_800 })
    assert.deepEqual(
      policyCheck([idle], strict, NOW).map(({ what }) => what),
      ['lives 30 days, at most 30 minutes', 'was not used for 3 hours, at most 2 hours'],
    )
    const good = held(
      { approvedBy: 'account boris', networks: { allow: ['10.1.0.0/16'], except: [] } },
      { iat: NOW - DAY, exp: NOW + 5 * DAY },
    )
    assert.deepEqual(policyCheck([good], configuration, NOW), [])
    const dead = [{ revokedAt: NOW }, { exp: NOW - 1 }, { state: 'rotated' }].map((doc) => held(bad.record, doc))
    assert.deepEqual(policyCheck(dead, configuration, NOW), [])
  })
})

describe('policy simulate', () => {
  it('says what a change would do to the tokens that exist, and nothing of what is so already', () => {
    const before = withPolicies({ name: 'old', lifetimeSecondsMax: 60 * DAY })
    const after = withPolicies({
      name: 'new',
      for: { labels: ['nightly'] },
      lifetimeSecondsMax: 15 * DAY,
      rotateEverySeconds: 8 * DAY,
      scopes: ['read'],
      dormantSeconds: { quarantine: 5 * DAY },
    })
    const ids = (id: string, doc: Partial<HeldToken['doc']>, more: Partial<TokenRecord> = {}) =>
      held(more, { id, ...doc })
    const tokens = [
      ids('over', { iat: NOW - 20 * DAY }),
      ids('sleeping', { lastUse: NOW - 6 * DAY }),
      ids('wide', { iat: NOW - DAY, exp: NOW + DAY }, { scopes: ['read', 'write'] }),
      ids('other', {}, { labels: [] }),
      ids('gone', { revokedAt: NOW }),
    ]
    const result = policySimulate(tokens, { before, after, now: NOW })
    assert.equal(result.tokens, 5)
    assert.deepEqual(result.ends_now, { count: 1, ids: ['tok_over'] })
    assert.deepEqual(result.ends_earlier, { count: 1, ids: ['tok_sleeping'] })
    assert.deepEqual(result.quarantined, { count: 1, ids: ['tok_sleeping'] })
    assert.deepEqual(result.needs_rotation, { count: 1, ids: ['tok_sleeping'] })
    assert.deepEqual(result.loses_scopes, { count: 1, ids: ['tok_wide'] })
    const same = policySimulate(tokens, { before: after, after, now: NOW })
    for (const { count } of [same.ends_now, same.quarantined, same.needs_rotation, same.loses_scopes])
      assert.equal(count, 0)
  })

  const foretold = (after: Policies[number], one = held(), before: Policies = []) =>
    effectsOn(one, { before: withPolicies(...before), after: withPolicies(...before, after), now: NOW })

  it('names every way in which a policy reaches a token that works', () => {
    const sleeping = held({}, { lastUse: NOW - 6 * DAY })
    const dormant = (dormantSeconds: NonNullable<Policies[number]['dormantSeconds']>) => ({
      name: 'new',
      dormantSeconds,
    })
    assert.deepEqual(foretold(dormant({ revoke: 5 * DAY }), sleeping), ['revoked'])
    assert.deepEqual(foretold(dormant({ quarantine: 5 * DAY }), sleeping), ['quarantined'])
    assert.deepEqual(foretold(dormant({ warn: 5 * DAY }), sleeping), ['warned'])
    assert.deepEqual(foretold(dormant({ warn: 2 * DAY, quarantine: 3 * DAY, revoke: 4 * DAY }), sleeping), ['revoked'])
    assert.deepEqual(foretold({ name: 'new', approval: true }), ['needs_approval'])
    assert.deepEqual(foretold({ name: 'new', approval: true }, held({ approvedBy: 'account boris' })), [])
    assert.deepEqual(foretold({ name: 'new', overlapSeconds: 0 }), ['shorter_overlap'])
    const late = held({}, { fields: { ...held().doc.fields, due: NOW - 8 * DAY } })
    assert.deepEqual(foretold({ name: 'new', overdue: 'quarantine' }, late), ['quarantined'])
  })

  it('tells networks that are lost from those that a token never had', () => {
    const home = { allow: ['10.1.0.0/16'], except: [] }
    const network = (allow: readonly string[], except: readonly string[] = []) => ({
      name: 'new',
      networks: { allow: [...allow], except: [...except] },
    })
    assert.deepEqual(foretold(network(['10.0.0.0/8'])), ['loses_networks'])
    assert.deepEqual(foretold(network(['10.0.0.0/8']), held({ networks: home })), [])
    assert.deepEqual(foretold(network(['10.1.2.0/24']), held({ networks: home })), ['loses_networks'])
    assert.deepEqual(foretold(network(['192.168.0.0/16']), held({ networks: home })), ['loses_networks'])
    assert.deepEqual(foretold(network([], ['10.1.2.0/24']), held({ networks: home })), ['loses_networks'])
    assert.deepEqual(foretold(network([], ['192.168.0.0/16']), held({ networks: home })), [])
    assert.deepEqual(foretold(network([], ['192.168.0.0/16'])), ['loses_networks'])
  })

  it('pages through the store, changes nothing, and is true of what then happens', async () => {
    const room = await openTokens()
    for (let n = 0; n < 3; n++)
      await room.run((unit) => room.tokens.create(unit, order({ labels: n === 0 ? ['ci'] : [] }), 'account anna'))
    await room.later(5 * DAY)
    await room.told()
    const next = { tokens: { policies: [{ name: 'ci', for: { labels: ['ci'] }, lifetimeSecondsMax: DAY }] } }
    const foretold = await room.tokens.policySimulate(parseConfiguration(next))
    assert.equal(foretold.tokens, 3)
    assert.equal(foretold.ends_now.count, 1)
    assert.deepEqual(await room.told(), [])
    assert.deepEqual(await room.tokens.policyCheck(), [])
    room.configure(next)
    const [id = ''] = foretold.ends_now.ids
    assert.equal((await room.tokens.show(id)).state, 'expired')
    await assert.rejects(
      room.run((unit) => room.tokens.rotate(unit, id, { overlapSeconds: 0, by: 'operator', why: '' })),
      { code: 'token_state' },
    )
  })
})
