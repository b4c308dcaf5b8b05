/** Signing keys in a PKCS#11 token (SoftHSM 2), one that is pulled too, and a token that is configured wrongly. */

import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { skip } from '../../scripts/test/skip.ts'
import { Secret } from '../../src/base/index.ts'
import { Pkcs11Misconfigured, type Pkcs11Settings } from '../../src/keys/pkcs11/client.ts'
import { createPkcs11Signers } from '../../src/keys/pkcs11/signers.ts'
import { SignerUnavailable } from '../../src/keys/signers.ts'
import { madeKey, PRIVATE_MEMBERS, signed, verified } from '../support/jws.ts'
import { withToken, worksAgain } from '../support/pkcs11.ts'

const CKA_VALUE = 0x11
const CKA_PRIVATE_EXPONENT = 0x123
const CKA_EXTRACTABLE = 0x162

describe('signing keys in a PKCS#11 token', () => {
  const suite = withToken()

  for (const alg of ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'] as const) {
    it(`are made there and sign ${alg} so that jose verifies it`, async function () {
      const signers = createPkcs11Signers(await suite.open())
      if (!signers.algorithms.includes(alg)) skip(this, 'this SoftHSM was built without EdDSA')
      const key = await madeKey(signers, alg)
      const sign = await signers.open(key)
      const all = await Promise.all(Array.from({ length: 10 }, () => signed(key, sign)))
      for (const jws of all) assert.deepEqual(await verified(jws, key), { sub: 'someone' })
      assert.deepEqual(
        PRIVATE_MEMBERS.filter((member) => member in key.publicJwk),
        [],
      )
      assert.match(Buffer.from(key.secret).toString(), /^\{"id":"[0-9a-f]{32}"\}$/)
    })
  }

  it('never leave it: whoever has the PIN asks for a private key in vain', async () => {
    const signers = createPkcs11Signers(await suite.open())
    for (const alg of ['ES256', 'RS256'] as const) await madeKey(signers, alg)
    for (const attribute of [CKA_VALUE, CKA_PRIVATE_EXPONENT]) {
      // An EC key has no exponent and an RSA key no value: each has one of the two, and neither is told.
      const answers = new Set(suite.token.peek(attribute))
      assert.deepEqual([...answers].sort(), ['CKR_ATTRIBUTE_SENSITIVE', 'CKR_ATTRIBUTE_TYPE_INVALID'])
    }
    assert.deepEqual([...new Set(suite.token.peek(CKA_EXTRACTABLE))], ['00'])
  })

  it('are found by another process that knows their reference', async () => {
    const first = createPkcs11Signers(await suite.open())
    const key = await madeKey(first, 'ES256')
    await first.close()
    const second = createPkcs11Signers(await suite.open())
    await verified(await signed(key, await second.open(key)), key)
  })

  it('are destroyed once and for all, and twice does no harm', async () => {
    const signers = createPkcs11Signers(await suite.open())
    const [key, other] = [await madeKey(signers, 'ES256'), await madeKey(signers, 'ES256')]
    const sign = await signers.open(key)
    await signed(key, sign)
    await signers.destroy(key)
    await signers.destroy(key)
    await assert.rejects(signed(key, sign), { name: 'SignerUnavailable', message: /holds no key with the id/ })
    await verified(await signed(other, await signers.open(other)), other)
  })

  it('are refused in a sentence while the token is pulled, and sign by themselves once it is back', async () => {
    const client = await suite.open()
    const signers = createPkcs11Signers(client)
    const key = await madeKey(signers, 'ES256')
    const sign = await signers.open(key)
    await signers.ready()
    const { pid } = client
    suite.token.pull()
    try {
      for (let n = 0; n < 3; n++) {
        await assert.rejects(signed(key, sign), {
          name: 'SignerUnavailable',
          message: /the token "test token" is not there/,
        })
        await assert.rejects(signers.ready(), { name: 'SignerUnavailable', message: /"test token" is not there/ })
      }
    } finally {
      suite.token.putBack()
    }
    await worksAgain(() => signed(key, sign))
    await signers.ready()
    await verified(await signed(key, sign), key)
    assert.equal(client.pid, pid, 'the same process all the time')
  })

  it('are refused together when the token is pulled under many signatures, and none is lost without an answer', async () => {
    const signers = createPkcs11Signers(await suite.open())
    const key = await madeKey(signers, 'ES256')
    const sign = await signers.open(key)
    suite.token.pull()
    const answers = await Promise.allSettled(Array.from({ length: 50 }, () => signed(key, sign)))
    suite.token.putBack()
    for (const answer of answers) assert.ok(answer.status === 'rejected' && answer.reason instanceof SignerUnavailable)
    await worksAgain(() => signed(key, sign))
  })
})

describe('a token that is configured wrongly ends the start with a sentence:', () => {
  const suite = withToken()

  const wrong = (settings: Partial<Pkcs11Settings>, message: RegExp) =>
    assert.rejects(suite.open(settings), (error: unknown) => {
      assert.ok(error instanceof Pkcs11Misconfigured)
      assert.match(error.message, message)
      return true
    })

  it('a wrong PIN, which is tried once', async () => {
    await wrong(
      { pin: new Secret('0000') },
      /^the token "test token" refuses the PIN \(CKR_PIN_INCORRECT\); it was tried once/,
    )
    await suite.open()
  })

  it('a label that no token has, with those that are there', () =>
    wrong({ tokenLabel: 'another' }, /^there is no token with the label "another" \(there is "test token"\)$/))

  it('a module that does not exist', () =>
    wrong({ modulePath: '/nowhere/module.so' }, /^\/nowhere\/module\.so: there is no such file/))

  it('a file that is no PKCS#11 module', () =>
    wrong({ modulePath: '/etc/hostname' }, /^\/etc\/hostname is not a PKCS#11 module that can be loaded here/))

  it('a package that is not installed, with how to install it', async () => {
    // Away from the repository there is no pkcs11js.
    const folder = mkdtempSync(join(tmpdir(), 'mintmark-keys-'))
    cpSync(join(import.meta.dirname, '../../src/keys/pkcs11'), folder, { recursive: true })
    try {
      const elsewhere: typeof import('../../src/keys/pkcs11/module.ts') = await import(join(folder, 'module.ts'))
      assert.throws(() => elsewhere.loadModule(suite.token.settings.modulePath), {
        kind: 'module',
        message: /^the npm package pkcs11js is not installed, or was not built: .*npm_config_nodedir/,
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('but a PIN that is changed later only refuses, and is not tried again', async () => {
    const client = await suite.open()
    const pin = suite.token.pin
    suite.token.changePin('changed 1234')
    try {
      process.kill(client.pid ?? 0, 'SIGKILL')
      const signers = createPkcs11Signers(client)
      const until = performance.now() + 20_000
      let said = ''
      while (!/restart the server/.test(said) && performance.now() < until) {
        said = await signers.ready().then(
          () => 'ready',
          (error: Error) => error.message,
        )
        await new Promise((done) => setTimeout(done, 20))
      }
      assert.match(said, /refuses the PIN .* restart the server with the right one/)
      assert.equal(client.counts.restarts, 1)
    } finally {
      suite.token.changePin(pin)
    }
  })
})
