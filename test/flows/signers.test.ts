/** Tokens whose keys are elsewhere: in a token of SoftHSM, and behind a service. What clients meet when either is away. */

import assert from 'node:assert/strict'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { createKmsSigners } from '../../examples/kms.ts'
import { skip } from '../../scripts/test/skip.ts'
import {
  createPkcs11Signers,
  createSoftwareSigners,
  openPkcs11,
  type Pkcs11Client,
  type Signers,
} from '../../src/keys/index.ts'
import { post, text } from '../support/browser.ts'
import { type KmsStandIn, startKms } from '../support/kms-stand-in.ts'
import { createToken, type TestToken, whyNoToken } from '../support/softhsm.ts'
import { type Furniture, furnish, openWorld, STORES, type World } from '../support/world.ts'

interface Served {
  readonly world: World
  readonly has: Furniture
}

const served = async (kind: 'sqlite' | 'mongodb', signers: Signers): Promise<Served> => {
  const world = await openWorld(kind, {}, (store) => store, { signers: [signers, createSoftwareSigners()] })
  return { world, has: await furnish(world) }
}

function ask({ world, has }: Served, scope: string) {
  return post(world, '/token', { grant_type: 'client_credentials', scope }, ['service', has.service])
}

async function verified({ world }: Served, token: string): Promise<unknown> {
  const set = createRemoteJWKSet(new URL('/jwks', world.issuer))
  return (await jwtVerify(token, set, { issuer: world.issuer, audience: 'urn:test:api' })).payload.sub
}

/** What every client meets while the signer is away, and when it is back. */
async function seesTheSignerGo(one: Served, go: () => void, comeBack: () => void): Promise<void> {
  assert.equal(await verified(one, text(await ask(one, 'read'), 'access_token')), 'service')
  go()
  const refused = await ask(one, 'read')
  assert.equal(refused.status, 503)
  assert.equal(refused.body.error, 'temporarily_unavailable')
  assert.equal(refused.headers.get('retry-after'), '1')
  one.world.clock.forward(2)
  const ready = await fetch(new URL('/readyz', one.world.issuer))
  assert.equal(ready.status, 503)
  assert.deepEqual(await ready.json(), { status: 'signer unavailable' })
  assert.equal((await ask(one, 'look')).status, 200, 'an opaque token needs no signature')
  comeBack()
  for (let n = 0; (await ask(one, 'read')).status !== 200; n++) assert.ok(n < 200, 'it never came back')
  // The signers are asked once a second at most.
  one.world.clock.forward(2)
  assert.equal((await fetch(new URL('/readyz', one.world.issuer))).status, 200)
}

for (const kind of STORES) {
  describe(`keys in a hardware token on ${kind}`, () => {
    let token: TestToken
    let client: Pkcs11Client
    let one: Served | undefined
    before(async function () {
      const why = whyNoToken()
      if (why) return skip(this, why)
      token = createToken()
      client = await openPkcs11(token.settings)
      one = await served(kind, createPkcs11Signers(client))
    })
    after(async () => {
      await one?.world.close()
      token?.remove()
    })

    it('sign what verifies, and nothing of them is in the store', async () => {
      assert.ok(one)
      await one.world.app.keyring.tick()
      assert.equal(await verified(one, text(await ask(one, 'read'), 'access_token')), 'service')
      const keys = await one.world.app.keyring.list({ destroyed: true })
      const signing = keys.filter(({ algorithm }) => algorithm !== 'cookie')
      assert.ok(signing.length >= 6 && signing.every(({ signer }) => signer === 'pkcs11'))
      // Opened with everything that the server knows: references, and no member of a private key.
      const docs = await one.world.store.find(
        'signing-keys',
        { tenant: 'default', by: { kind: 'signing-key' } },
        { limit: 100 },
      )
      const opened = await Promise.all(
        docs.map(async (doc) => (await one?.world.app.seal.open(doc))?.toString('latin1') ?? ''),
      )
      const references = opened.filter((body) => body.startsWith('{'))
      assert.equal(references.length, signing.length)
      for (const body of references) assert.deepEqual(Object.keys(JSON.parse(body)), ['id'])
    })

    it('cost a 503 while the token is pulled, and no restart when it is back', async () => {
      assert.ok(one)
      await seesTheSignerGo(one, token.pull, token.putBack)
    })
  })
}

describe('keys behind a service', () => {
  let kms: KmsStandIn
  let one: Served
  before(async () => {
    kms = await startKms()
    one = await served('sqlite', createKmsSigners({ ...kms, budgetMs: 300 }))
  })
  after(async () => {
    await one.world.close()
    await kms.close()
  })

  it('sign what verifies, and cost a 503 while the service is out', async () => {
    await seesTheSignerGo(
      one,
      () => void Object.assign(kms.mood, { out: true }),
      () => void Object.assign(kms.mood, { out: false }),
    )
  })

  it('turn like all others, and are destroyed where they are', async () => {
    const { keyring } = one.world.app
    const before = kms.keys.size
    await keyring.drop({ alg: 'ES256', why: 'drill', dryRun: false })
    assert.equal(kms.keys.size, before, 'one made, one destroyed')
    assert.equal(await verified(one, text(await ask(one, 'read'), 'access_token')), 'service')
  })
})

describe('what a private key looks like', () => {
  it('is known to this test: a store of software keys does hold them, sealed', async () => {
    const one = await served('sqlite', createSoftwareSigners())
    const docs = await one.world.store.find(
      'signing-keys',
      { tenant: 'default', by: { kind: 'signing-key' } },
      { limit: 100 },
    )
    const opened = await Promise.all(docs.map(async (doc) => (await one.world.app.seal.open(doc)).toString('latin1')))
    assert.ok(opened.some((body) => body.includes('"d":')))
    await one.world.close()
  })
})
