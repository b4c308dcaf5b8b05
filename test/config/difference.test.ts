/** What changed, and how it takes effect. */

import assert from 'node:assert/strict'
import { type ConfigurationInput, difference, parseConfiguration, type RotationPolicy } from '../../src/config/index.ts'
import { createSoftwareSigners } from '../../src/keys/index.ts'
import { always, idle, onNetworkChange, quietHours, webhook } from '../../src/rotation/index.ts'

type Rules = NonNullable<ConfigurationInput['rotation']>

const SECRET = 'a secret of sixteen and more'
const own: RotationPolicy = () => ({ do: 'keep' })

const between = (before: ConfigurationInput, after: ConfigurationInput) =>
  difference(parseConfiguration(before), parseConfiguration(after))
const none = { swapped: [], clients: false, restart: [] }

describe('the difference of two configurations', () => {
  it('is none where they say the same, however they were made', () => {
    const made = (): ConfigurationInput => ({
      clients: [{ client_id: 'a', client_secret: 'x' }],
      apis: [{ id: 'urn:x', scopes: { read: 'Read' } }],
      rotation: [always(), { policy: quietHours({ from: '22:00', to: '06:00' }, idle('7d')), labels: ['x'] }, own],
    })
    assert.deepEqual(between(made(), made()), none)
    assert.deepEqual(between({}, { lifetimes: { graceSeconds: 10 } }), none, 'a default said aloud')
  })

  it('names the parts that a swap brings into effect', () => {
    const parts: readonly (readonly [string, ConfigurationInput])[] = [
      ['apis', { apis: [{ id: 'urn:x' }] }],
      ['scopes', { scopes: ['extra'] }],
      ['lifetimes', { lifetimes: { graceSeconds: 3 } }],
      ['features', { features: { deviceFlow: false } }],
      ['rotation', { rotation: [always()] }],
    ]
    for (const [part, after] of parts) assert.deepEqual(between({}, after), { ...none, swapped: [part] })
  })

  it('tells clients, and what needs a restart, apart', () => {
    assert.deepEqual(between({}, { clients: [{ client_id: 'a' }] }), { ...none, clients: true })
    assert.deepEqual(between({}, { branding: { name: 'Acme' } }), { ...none, restart: ['branding'] })
    assert.deepEqual(between({}, { outbound: { timeoutMs: 1 }, scopes: ['x'] }), {
      ...none,
      swapped: ['scopes'],
      restart: ['outbound'],
    })
  })

  it('sees signers apart from the other keys, and what it does not know as in need of a restart', () => {
    const base = parseConfiguration({})
    const [signers, others] = [createSoftwareSigners(), createSoftwareSigners()]
    const keyed = (keys: ConfigurationInput['keys']) => parseConfiguration({ keys })
    assert.deepEqual(
      difference(keyed({ signers, publishSeconds: 1800 }), keyed({ signers, publishSeconds: 1800 })),
      none,
    )
    assert.deepEqual(difference(keyed({ signers, publishSeconds: 1800 }), keyed({ signers, publishSeconds: 1801 })), {
      ...none,
      swapped: ['keys'],
    })
    assert.deepEqual(difference(keyed({ signers }), keyed({ signers: others })).restart, ['keys.signers'])
    assert.deepEqual(difference(base, keyed({ signers })), { ...none, restart: ['keys.signers'] })
    assert.deepEqual(difference(base, { ...base, ...{ tomorrow: 1 } }).restart, ['tomorrow'])
  })

  it('sees a changed rule: its order, its name, whom it is for, what a built-in was given, an own function', () => {
    const hook = (secret: string) => webhook('https://risk.example/decide', secret)
    const pairs: readonly (readonly [Rules, Rules])[] = [
      [
        [always(), idle('7d')],
        [idle('7d'), always()],
      ],
      [[always()], [always(), always()]],
      [[idle('7d')], [idle('8d')]],
      [[{ policy: always(), name: 'a' }], [{ policy: always(), name: 'b' }]],
      [[{ policy: always() }], [{ policy: always(), shadow: true }]],
      [[{ policy: always() }], [{ policy: always(), kinds: ['signing_key'] }]],
      [[{ policy: always() }], [{ policy: always(), clients: ['a'] }]],
      [[onNetworkChange()], [onNetworkChange({ do: 'deny' })]],
      [[hook(SECRET)], [hook(`${SECRET} another`)]],
      [[own], [(): { do: 'keep' } => ({ do: 'keep' })]],
    ]
    for (const [before, after] of pairs)
      assert.deepEqual(between({ rotation: before }, { rotation: after }), { ...none, swapped: ['rotation'] })
  })
})
