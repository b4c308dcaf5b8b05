/** Scope right-sizing, and the kinds of credentials that are few. */

import assert from 'node:assert/strict'
import { keySource, secretSource } from '../../src/inventory/index.ts'
import type { InventorySource } from '../../src/inventory/source.ts'
import { ada, DAY, isRefused } from './builders.ts'
import { NOW, openRoom, type Room } from './population.ts'

let room: Room
async function opened(more: Parameters<typeof openRoom>[0] = {}): Promise<Room> {
  room = await openRoom(more)
  return room
}
const closing = (): void => void afterEach(() => room.close())

describe('scope right-sizing', () => {
  closing()
  it('says what was granted and not used, and narrows in one call', async () => {
    const narrowed: unknown[] = []
    const { inventory } = await opened({
      tokens: {
        granted: async (id) => ({
          scopes: id === 'tok_young' ? ['read'] : ['read', 'write', 'admin'],
          since: NOW - 40 * DAY,
        }),
        used: async (id, since) => ({
          scopes: id === 'tok_idle' || since > NOW - 30 * DAY ? [] : ['read', 'gone'],
          isWhole: id !== 'tok_vague',
        }),
        narrow: async (id, input) => void narrowed.push([id, input.scopes]),
      },
    })
    const found = await inventory.grantedButUnused('tok_a', { days: 30 })
    assert.deepEqual([found.used, found.unused, found.observed], [['read'], ['write', 'admin'], true])
    assert.equal((await inventory.grantedButUnused('tok_a', { days: 90 })).observed, false)
    await inventory.narrowToUsed('tok_a', { days: 30, by: 'operator' })
    await inventory.narrowToUsed('tok_young', { days: 30, by: 'operator' })
    assert.deepEqual(narrowed, [['tok_a', ['read']]], 'what is used whole is left as it is')
    await assert.rejects(inventory.narrowToUsed('tok_idle', { days: 30, by: 'x' }), isRefused('nothing_left'))
    assert.equal((await inventory.grantedButUnused('tok_vague', { days: 30 })).observed, false, 'a use named no scope')
    await assert.rejects(inventory.narrowToUsed('tok_vague', { days: 30, by: 'x' }), isRefused('uses_unknown'))
  })
})

describe('client secrets and signing keys', () => {
  closing()
  const client = {
    clientId: 'reports',
    metadata: { client_name: 'Reports', scope: 'read' },
    secrets: [],
    introspect: [],
  }
  const record = { ...client, reliesOnNonce: false, fapi: false, label: undefined, demo: false, disabled: false }
  const secrets = secretSource({
    list: async () => [
      { ...record, source: 'store', createdAt: NOW },
      { ...record, clientId: 'off', disabled: true, source: 'store', createdAt: NOW },
    ],
    async show(clientId) {
      if (clientId !== 'reports') throw new Error('unknown')
      return { ...record, source: 'store', createdAt: NOW }
    },
    secretsOf: async () => [
      { id: 'old', createdAt: NOW - 9 * DAY, until: NOW + DAY, lastUsedAt: undefined },
      { id: 'new', createdAt: NOW - DAY, until: null, lastUsedAt: NOW },
    ],
  })
  const keys = keySource({
    list: async () => [
      {
        kid: 'k1',
        algorithm: 'ES256',
        state: 'current',
        signer: 'software',
        made_at: new Date(NOW * 1000).toISOString(),
        signs_since: undefined,
        stopped_at: undefined,
        retired_at: undefined,
        destroyed_at: undefined,
        why: 'made at start',
        signatures: 1,
        last_signed_at: undefined,
        signed_until: undefined,
        next_at: new Date((NOW + DAY) * 1000).toISOString(),
        next_step: 'stops signing about 2027-02-14T08:00:00.000Z',
      },
    ],
  })
  const sources: readonly InventorySource[] = [secrets, keys]

  it('are listed, filtered and counted with the rest', async () => {
    const { inventory } = await opened({ sources })
    const ids = async (filter: Parameters<typeof inventory.list>[0]) =>
      (await inventory.list(filter, { limit: 9 })).items.map(({ id }) => id)
    assert.deepEqual(await ids({}), ['sec_reports.new', 'sec_reports.old', 'key_k1'])
    assert.deepEqual(await ids({ owner: { type: 'service', id: 'reports' } }), ['sec_reports.new', 'sec_reports.old'])
    assert.deepEqual(await ids({ owner: { type: 'service', id: 'nobody' } }), [])
    assert.deepEqual(await ids({ owner: ada }), [])
    assert.deepEqual(await ids({ noExpiry: true }), ['sec_reports.new', 'key_k1'])
    assert.deepEqual(await ids({ expiresBefore: '2d' }), ['sec_reports.old'])
    assert.deepEqual(await ids({ unusedSince: '1d' }), ['sec_reports.old'])
    assert.equal((await inventory.count({ unbound: true })).total, 2)
    const first = await inventory.list({}, { limit: 1 })
    const second = await inventory.list({}, { limit: 1, cursor: first.cursor })
    assert.equal(second.items[0]?.id, 'sec_reports.old')
    const [key] = (await inventory.list({ kind: ['signing-key'] }, { limit: 9 })).items
    assert.match(key?.next?.why ?? '', /stops signing/)
  })
})
