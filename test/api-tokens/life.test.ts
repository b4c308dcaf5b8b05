/** The life of a token, on both stores: every arrow of its state machine, each one write and one event. */

import assert from 'node:assert/strict'
import type { TokenState } from '../../src/api-tokens/index.ts'
import { foreignTokenId, tokenId } from '../../src/api-tokens/records.ts'
import { type Change, mayChange } from '../../src/api-tokens/rules.ts'
import { DAY, openTokens, order, type TokenRoom } from '../support/tokens.ts'
import { allSecrets, openTestStore, STORES } from '../support/world.ts'

const ANNA = 'account anna'
const BORIS = 'account boris'
const sensitive = { tokens: { sensitiveScopes: ['admin'] } }

const CHANGES: readonly Change[] = ['approve', 'quarantine', 'release', 'rotate', 'revoke', 'narrow']
const STATES: readonly TokenState[] = [
  'pending',
  'not_yet',
  'active',
  'quarantined',
  'rotating',
  'rotated',
  'expired',
  'revoked',
]

/** Makes a change by its verb. */
function change(room: TokenRoom, id: string, what: Change): Promise<unknown> {
  const { tokens, run } = room
  switch (what) {
    case 'approve':
      return run((unit) => tokens.approve(unit, id, BORIS))
    case 'quarantine':
      return run((unit) => tokens.quarantine(unit, id, { by: BORIS, why: 'odd' }))
    case 'release':
      return run((unit) => tokens.release(unit, id, BORIS))
    case 'rotate':
      return run((unit) => tokens.rotate(unit, id, { overlapSeconds: 3600, by: BORIS, why: 'asked' }))
    case 'revoke':
      return run((unit) => tokens.revoke(unit, id, { by: BORIS, why: 'over' }))
    case 'narrow':
      return run((unit) => tokens.narrow(unit, id, { scopes: ['read'], by: BORIS }))
    default:
      return what satisfies never
  }
}

/** A token that is brought into a state by verbs and time. */
async function into(room: TokenRoom, state: TokenState): Promise<string> {
  const scopes = state === 'pending' ? ['read', 'admin'] : ['read', 'write']
  const notBefore = state === 'not_yet' ? room.now() + DAY : undefined
  const { shown } = await room.run((unit) => room.tokens.create(unit, order({ scopes, notBefore }), ANNA))
  if (state === 'quarantined') await change(room, shown.id, 'quarantine')
  if (state === 'rotating' || state === 'rotated') await change(room, shown.id, 'rotate')
  if (state === 'rotated') await room.later(3600)
  if (state === 'expired') await room.later(30 * DAY)
  if (state === 'revoked') await change(room, shown.id, 'revoke')
  assert.equal((await room.tokens.show(shown.id)).state, state)
  await room.told()
  return shown.id
}

const AFTER: Readonly<Record<Change, (before: TokenState) => TokenState>> = {
  approve: () => 'active',
  quarantine: () => 'quarantined',
  release: () => 'active',
  rotate: () => 'rotating',
  revoke: () => 'revoked',
  narrow: (before) => before,
}
const EVENT: Readonly<Record<Change, string>> = {
  approve: 'api_token.approved',
  quarantine: 'api_token.quarantined',
  release: 'api_token.released',
  rotate: 'api_token.rotated',
  revoke: 'api_token.revoked',
  narrow: 'api_token.narrowed',
}

for (const kind of STORES) {
  describe(`an API token on ${kind}`, () => {
    let room: TokenRoom
    beforeEach(async () => {
      room = await openTokens(sensitive, await openTestStore(kind))
    })
    afterEach(() => room.store.close?.())

    it('goes through every arrow of its state machine and through no other, each with one event', async () => {
      for (const state of STATES) {
        for (const what of CHANGES) {
          const id = await into(room, state)
          if (mayChange(what, state)) {
            await change(room, id, what)
            assert.equal((await room.tokens.show(id)).state, AFTER[what](state), `${what} of ${state}`)
            const told = await room.told()
            assert.deepEqual(
              told.map(({ type }) => type),
              [EVENT[what]],
              `${what} of ${state}`,
            )
            assert.equal(told[0]?.data.by, BORIS)
          } else {
            await assert.rejects(change(room, id, what), { code: 'token_state', status: 409 }, `${what} of ${state}`)
            assert.deepEqual(await room.told(), [])
            assert.equal((await room.tokens.show(id)).state, state)
          }
        }
      }
    })

    it('is made once, with its text in the answer and its keyed hash in the store, and listed with its owner', async () => {
      const { text, shown } = await room.run((unit) => room.tokens.create(unit, order(), ANNA))
      allSecrets.push(text.reveal())
      assert.match(text.reveal(), /^mm_svc_01[0-9A-Za-z]{34}$/)
      assert.equal(shown.id, `tok_${tokenId(room.seal, text.reveal())}`)
      const doc = await room.store.get('api-tokens', shown.id.slice(4))
      assert.equal(doc?.hk, '01', 'the version that the text names')
      assert.equal(shown.ending, text.reveal().slice(-4))
      assert.equal(shown.expiresAt, room.now() + 30 * DAY)
      const [made] = await room.told()
      assert.equal(made?.type, 'api_token.created')
      assert.ok(!JSON.stringify(made?.data).includes(text.reveal()))
      const other = await room.run((unit) => room.tokens.create(unit, order({ name: 'other' }), ANNA))
      await change(room, other.shown.id, 'revoke')
      await room.run((unit) => room.tokens.create(unit, order({ owner: { type: 'organisation', id: 'acme' } }), ANNA))
      const both = [shown.id, other.shown.id].toSorted()
      const owner = order().owner
      assert.deepEqual(
        (await room.tokens.list(owner, { limit: 10 })).map(({ id }) => id),
        both,
      )
      const [first] = await room.tokens.list(owner, { limit: 1 })
      assert.deepEqual(
        (await room.tokens.list(owner, { limit: 1, after: first?.id })).map(({ id }) => id),
        both.slice(1),
      )
    })

    it('comes from elsewhere by the hash of its text, once', async () => {
      const sha256 = 'ab'.repeat(32)
      const bring = () => room.run((unit) => room.tokens.importByHash(unit, { ...order(), sha256 }, ANNA))
      const shown = await bring()
      assert.equal(shown.id, `tok_${foreignTokenId(room.seal, sha256.toUpperCase())}`)
      assert.deepEqual(
        (await room.told()).map(({ type }) => type),
        ['api_token.imported'],
      )
      await assert.rejects(bring(), { code: 'token_exists', status: 409 })
      const { text } = await room.run((unit) =>
        room.tokens.rotate(unit, shown.id, { overlapSeconds: 0, by: ANNA, why: 'ours now' }),
      )
      assert.match(text.reveal(), /^mm_svc_/)
    })

    it('is released to where it was: beside its successor, or still waiting for approval', async () => {
      const id = await into(room, 'rotating')
      await change(room, id, 'quarantine')
      await change(room, id, 'release')
      assert.equal((await room.tokens.show(id)).state, 'rotating')
      const pending = await into(room, 'pending')
      // A leak report marks by class, whatever the state.
      await room.run(async (unit) =>
        unit.revoke({
          collection: 'api-tokens',
          target: { id: pending.slice(4) },
          at: room.now(),
          mark: 'quarantined',
        }),
      )
      await change(room, pending, 'release')
      assert.equal((await room.tokens.show(pending)).state, 'pending')
    })

    it('is approved by neither who ordered it nor who owns it', async () => {
      const { tokens, run } = room
      for (const owner of [
        { type: 'service', id: 'reports' },
        { type: 'organisation', id: 'acme' },
      ] as const) {
        const { shown } = await run((unit) => tokens.create(unit, order({ owner, scopes: ['admin'] }), ANNA))
        const by = owner.type === 'service' ? 'client reports' : 'organisation acme'
        for (const one of [ANNA, by])
          await assert.rejects(
            run((unit) => tokens.approve(unit, shown.id, one)),
            { code: 'own_approval' },
          )
        assert.equal((await run((unit) => tokens.approve(unit, shown.id, BORIS))).state, 'active')
      }
    })

    it('waits for a second person again where somebody new would get its text by rotating', async () => {
      const { tokens, run } = room
      const carl = 'account carl'
      const rotate = (id: string, by: string) =>
        run((unit) => tokens.rotate(unit, id, { overlapSeconds: 3600, by, why: 'asked' })).then(({ shown }) => shown)
      const first = (await run((unit) => tokens.create(unit, order({ scopes: ['read', 'admin'] }), ANNA))).shown
      await run((unit) => tokens.approve(unit, first.id, BORIS))
      const second = await rotate(first.id, ANNA)
      const third = await rotate(second.id, 'client reports')
      assert.deepEqual([second.state, third.state, third.approvedBy], ['active', 'active', BORIS])
      await room.told()
      const fourth = await rotate(third.id, carl)
      assert.deepEqual([fourth.state, fourth.createdBy, fourth.approvedBy], ['pending', carl, null])
      assert.deepEqual(
        (await room.told()).map(({ type, data }) => [type, data.by, data.state]),
        [['api_token.rotated', carl, 'pending']],
      )
      assert.equal((await tokens.show(third.id)).state, 'rotating')
      await assert.rejects(rotate(fourth.id, carl), { code: 'token_state' })
      await assert.rejects(
        run((unit) => tokens.approve(unit, fourth.id, carl)),
        { code: 'own_approval' },
      )
      // Who approved the first may approve this one: he is a second person for Carl.
      assert.equal((await run((unit) => tokens.approve(unit, fourth.id, BORIS))).state, 'active')
      const fifth = await rotate(fourth.id, BORIS)
      assert.equal(fifth.state, 'pending', 'who approved has no text by it')
      const plain = (await run((unit) => tokens.create(unit, order(), ANNA))).shown
      assert.equal((await rotate(plain.id, carl)).state, 'active', 'where no approval is asked')
    })

    it('takes its children and its overlap with it, and one that gave way goes alone', async () => {
      const { tokens, run } = room
      const parent = (await run((unit) => tokens.create(unit, order({ scopes: ['read', 'write'] }), ANNA))).shown
      const child = (await run((unit) => tokens.create(unit, order({ parent: parent.id }), ANNA))).shown
      const grandchild = (await run((unit) => tokens.create(unit, order({ parent: child.id }), ANNA))).shown
      assert.deepEqual(child.parent, { id: parent.id, name: 'nightly' })
      const rotated = await run((unit) => tokens.rotate(unit, parent.id, { overlapSeconds: 3600, by: ANNA, why: '' }))
      assert.equal(rotated.shown.line, parent.line)
      const again = await run((unit) =>
        tokens.rotate(unit, rotated.shown.id, { overlapSeconds: 3600, by: ANNA, why: '' }),
      )
      const states = () =>
        Promise.all(
          [parent, rotated.shown, again.shown, child, grandchild].map(async ({ id }) => (await tokens.show(id)).state),
        )
      await change(room, parent.id, 'revoke')
      assert.deepEqual(await states(), ['revoked', 'rotating', 'active', 'active', 'active'])
      await room.told()
      await change(room, again.shown.id, 'revoke')
      assert.deepEqual(await states(), ['revoked', 'revoked', 'revoked', 'revoked', 'revoked'])
      const told = await room.told()
      assert.deepEqual(
        told.map(({ type, data }) => [type, data.lines_below]),
        [['api_token.revoked', 2]],
      )
    })
  })
}
