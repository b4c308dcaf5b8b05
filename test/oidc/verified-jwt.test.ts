import assert from 'node:assert/strict'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createVerifyJwt } from '../../src/oidc/verified-jwt.ts'

const ISSUER = 'https://issuer.example'
const START = 1_800_000_000

async function scene() {
  const { privateKey, publicKey } = await generateKeyPair('ES256')
  const publicJwk = await exportJWK(publicKey)
  const published = new Set(['one'])
  let now = START
  const asked: string[] = []
  const verify = createVerifyJwt({
    issuer: ISSUER,
    keyOf: (kid) => {
      asked.push(kid)
      return published.has(kid) ? { publicJwk, alg: 'ES256' } : undefined
    },
    now: () => new Date(now * 1000),
  })
  const jwt = (claims: Record<string, unknown> = {}, header: Record<string, unknown> = {}): Promise<string> =>
    new SignJWT({ iss: ISSUER, exp: START + 300, jti: 'id', ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'one', ...header })
      .sign(privateKey)
  return {
    verify,
    jwt,
    asked,
    published,
    move: (seconds: number) => {
      now += seconds
    },
  }
}

const isOver = (found: { readonly isOver: boolean } | undefined): boolean | undefined => found?.isOver

describe('a JWT access token of ours', () => {
  it('is verified, and known again by its text', async () => {
    const { verify, jwt } = await scene()
    const text = await jwt()
    const [first, again] = [await verify(text), await verify(text)]
    assert.equal(first?.claims.jti, 'id')
    assert.equal(again?.claims, first?.claims, 'the same claims: its signature was not checked anew')
  })

  it('comes to its end although it is known', async () => {
    const { verify, jwt, move } = await scene()
    const text = await jwt()
    assert.equal(isOver(await verify(text)), false)
    move(299)
    assert.equal(isOver(await verify(text)), false)
    move(1)
    assert.equal(isOver(await verify(text)), true)
    const late = await jwt({ exp: START + 10 })
    assert.deepEqual(
      [isOver(await verify(late)), isOver(await verify(late))],
      [true, true],
      'one that was over when first seen',
    )
  })

  it('is nobody’s once its key is withdrawn, although it is known', async () => {
    const { verify, jwt, published } = await scene()
    const text = await jwt()
    assert.ok(await verify(text))
    published.delete('one')
    assert.equal(await verify(text), undefined)
  })

  it('is not taken for another: a changed text is verified by itself', async () => {
    const { verify, jwt } = await scene()
    const text = await jwt()
    assert.ok(await verify(text))
    const [head, , signature] = text.split('.')
    const claims = Buffer.from(JSON.stringify({ iss: ISSUER, exp: START + 9999, jti: 'id' })).toString('base64url')
    assert.equal(await verify(`${head}.${claims}.${signature}`), undefined)
    assert.equal(await verify(`${text}A`), undefined)
  })

  it('is looked at anew each time where it may begin later', async () => {
    const { verify, jwt, move } = await scene()
    const text = await jwt({ nbf: START + 10 })
    assert.equal(await verify(text), undefined)
    move(10)
    assert.ok(await verify(text))
    move(-10)
    assert.equal(await verify(text), undefined)
  })
})

describe('what is no JWT access token of ours', () => {
  it('has another issuer, type or key, or is no JWT at all', async () => {
    const { verify, jwt } = await scene()
    for (const text of [
      await jwt({ iss: 'https://other.example' }),
      await jwt({}, { typ: 'JWT' }),
      await jwt({}, { kid: 'two' }),
      'a.b.c',
      '..',
    ])
      assert.equal(await verify(text), undefined, text)
  })

  it('does not make what is known wrong, by thousands', async () => {
    const { verify, jwt } = await scene()
    const text = await jwt()
    await verify(text)
    for (let n = 0; n < 4100; n++) await verify(await jwt({ jti: `id ${n}` }))
    assert.equal((await verify(text))?.claims.jti, 'id')
  }).timeout(20_000)
})
