/** Access tokens that are exchanged for an API token with a DPoP proof or a client certificate: bound, said to be, and of no use without. */

import assert from 'node:assert/strict'
import { generateKeyPairSync, type KeyPairKeyObjectResult, randomUUID } from 'node:crypto'
import { calculateJwkThumbprint, decodeJwt, exportJWK, SignJWT } from 'jose'
import { MANAGEMENT_API } from '../../src/admin/index.ts'
import { API_TOKEN, EXCHANGE, openTokenWorld, type TokenWorld } from '../support/api-tokens.ts'
import { type Answer, post, text } from '../support/browser.ts'
import { CERTIFICATES, certificateThumbprint } from '../support/certificates.ts'
import { STORES } from '../support/world.ts'

const pair = () => generateKeyPairSync('ec', { namedCurve: 'P-256' })
const HEADER = 'x-client-certificate'

/** Clients that may exchange only with a proof, or only with a certificate. */
const bound = (id: string, more: object) => ({
  client_id: id,
  client_secret: `the long secret of ${id} in the configuration`,
  grant_types: [EXCHANGE],
  redirect_uris: [],
  response_types: [],
  ...more,
})
const CONFIGURATION = {
  features: { mutualTls: true },
  clients: [
    bound('proving', { dpop_bound_access_tokens: true }),
    bound('certified', { tls_client_certificate_bound_access_tokens: true }),
  ],
}
const secretOf = (id: string): readonly [string, string] => [id, `the long secret of ${id} in the configuration`]

for (const kind of STORES) {
  describe(`bound tokens of an exchange on ${kind}`, () => {
    let at: TokenWorld
    before(async () => {
      at = await openTokenWorld(kind, CONFIGURATION, { proxies: 1 })
    })
    after(() => at.world.close())

    async function proof(key: KeyPairKeyObjectResult, more: object = {}): Promise<string> {
      const claims = { htm: 'POST', htu: `${at.world.issuer}/token`, jti: randomUUID(), ...more }
      const header = { alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(key.publicKey) }
      return new SignJWT(claims).setProtectedHeader(header).setIssuedAt().sign(key.privateKey)
    }
    const thumbprint = async (key: KeyPairKeyObjectResult) => calculateJwkThumbprint(await exportJWK(key.publicKey))

    function exchange(
      token: string,
      input: { readonly headers?: Readonly<Record<string, string>>; readonly client?: readonly [string, string] } = {},
    ): Promise<Answer> {
      const { headers = {}, client = at.reports } = input
      const form = { grant_type: EXCHANGE, subject_token: token, subject_token_type: API_TOKEN }
      return post(at.world, '/token', form, client, headers)
    }
    const seen = async (token: string) => (await at.introspect(token, at.service)).body

    it('are bound to the key of a DPoP proof, JWT and opaque alike, and introspection says so', async () => {
      const key = pair()
      const jkt = await thumbprint(key)
      const read = await at.make()
      const jwt = await exchange(read.text, { headers: { dpop: await proof(key) } })
      assert.deepEqual([jwt.status, jwt.body.token_type], [200, 'DPoP'], JSON.stringify(jwt.body))
      assert.deepEqual(decodeJwt(text(jwt, 'access_token')).cnf, { jkt })
      const look = await at.make({ apis: ['urn:test:opaque'], scopes: ['look'] })
      const opaque = await exchange(look.text, { headers: { dpop: await proof(key) } })
      assert.equal(opaque.body.token_type, 'DPoP')
      for (const one of [jwt, opaque]) {
        const { active, cnf, token_type: type, tok } = await seen(text(one, 'access_token'))
        assert.deepEqual([active, cnf, type], [true, { jkt }, 'DPoP'])
        assert.ok(typeof tok === 'string')
      }
      const person = await exchange((await at.personal()).text, { headers: { dpop: await proof(key) } })
      assert.deepEqual((await seen(text(person, 'access_token'))).cnf, { jkt })
    })

    it('take each proof once, for this address, and unspoilt', async () => {
      const key = pair()
      const { text: token } = await at.make()
      const once = await proof(key)
      assert.equal((await exchange(token, { headers: { dpop: once } })).status, 200)
      const bad = [
        once,
        await proof(key, { htm: 'GET' }),
        await proof(key, { htu: `${at.world.issuer}/me` }),
        `${(await proof(key)).slice(0, -8)}AAAAAAAA`,
        'junk',
      ]
      for (const dpop of bad) {
        const { status, body } = await exchange(token, { headers: { dpop } })
        assert.equal(status, 400, dpop)
        assert.ok(body.error === 'invalid_dpop_proof' || body.error === 'invalid_grant', String(body.error))
        assert.equal('access_token' in body, false)
      }
    })

    it('are worth nothing at our own API and at userinfo: without a proof, with one of another key, as a bearer token', async () => {
      const key = pair()
      const token = await at.make({ apis: [MANAGEMENT_API], scopes: ['tokens:read'] })
      const free = text(await exchange(token.text), 'access_token')
      const held = text(await exchange(token.text, { headers: { dpop: await proof(key) } }), 'access_token')
      const asked = async (path: string, scheme: string, value: string, dpop?: string): Promise<number> => {
        const headers = { authorization: `${scheme} ${value}`, ...(dpop === undefined ? {} : { dpop }) }
        return (await fetch(new URL(path, at.world.issuer), { headers })).status
      }
      const path = '/api/v1/tokens?owner=service:reports'
      assert.equal(await asked(path, 'Bearer', free), 200, 'an unbound one is')
      const other = await proof(pair(), { htm: 'GET', htu: `${at.world.issuer}/me` })
      for (const where of [path, '/me'])
        for (const scheme of ['Bearer', 'DPoP']) {
          // The library calls a scheme without its proof, and a proof without its scheme, a bad request.
          const refused: readonly number[] = where === '/me' ? [400, 401] : [401]
          assert.ok(refused.includes(await asked(where, scheme, held)), `${scheme} at ${where}`)
          assert.ok(refused.includes(await asked(where, scheme, held, other)), `${scheme} at ${where} with another key`)
        }
    })

    it('are all that a client gets that is registered for proofs', async () => {
      const { text: token } = await at.make()
      const client = secretOf('proving')
      const bare = await exchange(token, { client })
      assert.deepEqual([bare.status, 'access_token' in bare.body], [400, false], JSON.stringify(bare.body))
      const key = pair()
      const made = await exchange(token, { client, headers: { dpop: await proof(key) } })
      assert.deepEqual([made.status, made.body.token_type], [200, 'DPoP'], JSON.stringify(made.body))
    })

    it('are bound to the certificate that the trusted proxy hands on, where the client is registered for it', async () => {
      const [one, two] = CERTIFICATES
      const client = secretOf('certified')
      const { text: token } = await at.make()
      const certificate = (pem: string) => ({ [HEADER]: encodeURIComponent(pem) })
      const made = await exchange(token, { client, headers: certificate(one) })
      assert.deepEqual([made.status, made.body.token_type], [200, 'Bearer'], JSON.stringify(made.body))
      const cnf = { 'x5t#S256': certificateThumbprint(one) }
      assert.deepEqual(decodeJwt(text(made, 'access_token')).cnf, cnf)
      assert.deepEqual((await seen(text(made, 'access_token'))).cnf, cnf)
      const look = await at.make({ apis: ['urn:test:opaque'], scopes: ['look'] })
      const opaque = text(await exchange(look.text, { client, headers: certificate(two) }), 'access_token')
      assert.deepEqual((await seen(opaque)).cnf, { 'x5t#S256': certificateThumbprint(two) })
      for (const headers of [{}, { [HEADER]: '' }, { [HEADER]: 'junk' }, { [HEADER]: '%' }]) {
        const { status, body } = await exchange(token, { client, headers })
        assert.deepEqual([status, 'access_token' in body], [400, false], JSON.stringify(body))
      }
      const unasked = await exchange(token, { headers: certificate(one) })
      assert.equal(decodeJwt(text(unasked, 'access_token')).cnf, undefined, 'a client that is not registered for it')
    })

    it('are never bound to a key and a certificate at once', async () => {
      const headers = { [HEADER]: encodeURIComponent(CERTIFICATES[0]), dpop: await proof(pair()) }
      const { status, body } = await exchange((await at.make()).text, { client: secretOf('certified'), headers })
      assert.deepEqual([status, body.error, 'access_token' in body], [400, 'invalid_request', false])
    })
  })

  describe(`a certificate that no trusted proxy handed on, on ${kind}`, () => {
    it('binds nothing, and lets no client exchange that must show one', async () => {
      const at = await openTokenWorld(kind, CONFIGURATION)
      try {
        const form = { grant_type: EXCHANGE, subject_token: (await at.make()).text, subject_token_type: API_TOKEN }
        const headers = { [HEADER]: encodeURIComponent(CERTIFICATES[0]) }
        const { status, body } = await post(at.world, '/token', form, secretOf('certified'), headers)
        assert.deepEqual([status, 'access_token' in body], [400, false], JSON.stringify(body))
      } finally {
        await at.world.close()
      }
    })
  })
}
