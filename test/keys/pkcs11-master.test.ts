/** The master key in a PKCS#11 token. */

import assert from 'node:assert/strict'
import { Pkcs11Misconfigured } from '../../src/keys/pkcs11/client.ts'
import { createPkcs11Master, makeMasterKey } from '../../src/keys/pkcs11/master.ts'
import { SignerUnavailable } from '../../src/keys/signers.ts'
import { withToken, worksAgain } from '../support/pkcs11.ts'

describe('a master key in a PKCS#11 token', () => {
  const suite = withToken()
  const aad = Buffer.from('["mintmark key","data-1"]')
  const dataKey = Buffer.alloc(32, 5)

  it('wraps keys that only it unwraps, also in the next process', async () => {
    const client = await suite.open()
    await makeMasterKey(client, 'master')
    const master = await createPkcs11Master(client, 'master')
    const wrapped = await master.wrap(dataKey, aad)
    assert.equal(wrapped.length, 12 + 32 + 16)
    assert.notDeepEqual(wrapped, await master.wrap(dataKey, aad))
    assert.deepEqual(Buffer.from(await master.unwrap(wrapped, aad)), dataKey)
    await client.close()
    const later = await createPkcs11Master(await suite.open(), 'master')
    assert.equal(later.id, master.id)
    assert.match(later.id, /^[\w-]{12}$/)
    assert.deepEqual(Buffer.from(await later.unwrap(wrapped, aad)), dataKey)
  })

  it('refuses what was changed, its associated data too, and goes on to serve', async () => {
    const client = await suite.open()
    await makeMasterKey(client, 'second')
    const master = await createPkcs11Master(client, 'second')
    const wrapped = await master.wrap(dataKey, aad)
    const changed = Buffer.from(wrapped)
    changed[20] = (changed[20] ?? 0) ^ 1
    await assert.rejects(master.unwrap(wrapped, Buffer.from('other')), { name: 'Error', message: /does not open/ })
    await assert.rejects(master.unwrap(changed, aad), { name: 'Error', message: /does not open/ })
    await assert.rejects(master.unwrap(wrapped.subarray(0, 20), aad), { name: 'Error', message: /does not open/ })
    assert.deepEqual(Buffer.from(await master.unwrap(wrapped, aad)), dataKey)
  })

  it('is unavailable, not wrong, while the token is pulled', async () => {
    const client = await suite.open()
    await makeMasterKey(client, 'third')
    const master = await createPkcs11Master(client, 'third')
    const wrapped = await master.wrap(dataKey, aad)
    suite.token.pull()
    await assert.rejects(master.unwrap(wrapped, aad), SignerUnavailable)
    suite.token.putBack()
    await worksAgain(() => master.unwrap(wrapped, aad))
  })

  it('is made once, and is missed in a sentence', async () => {
    const client = await suite.open()
    await makeMasterKey(client, 'fourth')
    await assert.rejects(makeMasterKey(client, 'fourth'), Pkcs11Misconfigured)
    await assert.rejects(createPkcs11Master(client, 'nobody'), {
      name: 'Pkcs11Misconfigured',
      message:
        'the token "test token" holds no AES key with the label "nobody": make it with mintmark keys make-master nobody',
    })
  })
})
