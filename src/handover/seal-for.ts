/** Sealing for a recipient: a JWE (RFC 7516) that only the holder of a private key opens, whatever carries it there. */

import { createPublicKey, type JsonWebKey } from 'node:crypto'
import { CompactEncrypt } from 'jose'
import { z } from 'zod'
import { refuse } from './errors.ts'

const RSA_BITS_MIN = 2048
const RSA_BITS_MAX = 8192
const EXPONENT_MIN = 65_537n
const CURVES: Readonly<Record<string, readonly string[]>> = { EC: ['P-256', 'P-384', 'P-521'], OKP: ['X25519'] }
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'] as const
const USES = ['encrypt', 'wrapKey', 'deriveKey', 'deriveBits']

const member = z.string().min(1).max(2048)
const jwk = z.object({
  kty: z.enum(['EC', 'OKP', 'RSA']),
  crv: member.optional(),
  x: member.optional(),
  y: member.optional(),
  n: member.optional(),
  e: member.optional(),
  use: member.optional(),
  key_ops: z.array(member).max(8).optional(),
  alg: member.optional(),
  kid: z.string().max(256).optional(),
})
type PublicJwk = z.output<typeof jwk>

function algOf(key: PublicJwk): 'ECDH-ES+A256KW' | 'RSA-OAEP-256' {
  const alg = key.kty === 'RSA' ? 'RSA-OAEP-256' : 'ECDH-ES+A256KW'
  const rightCurve = key.kty === 'RSA' || CURVES[key.kty]?.includes(key.crv ?? '')
  const rightUse = (key.use ?? 'enc') === 'enc' && (key.key_ops?.some((one) => USES.includes(one)) ?? true)
  if (!rightCurve || !rightUse || (key.alg ?? alg) !== alg) throw refuse('bad_recipient_key')
  return alg
}

/** A product of two large primes is odd; whoever sends another has made a mistake, or wants the text to be readable. */
const isEven = (n = ''): boolean => ((Buffer.from(n, 'base64url').at(-1) ?? 0) & 1) === 0

/** The key itself, when it is one and strong enough: a point off its curve or a short modulus is refused here. */
function keyOf({ kty, crv, x, y, n, e }: PublicJwk) {
  const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined)
  const plain: JsonWebKey = Object.fromEntries(members)
  let key: ReturnType<typeof createPublicKey>
  try {
    key = createPublicKey({ key: plain, format: 'jwk' })
  } catch (cause) {
    throw refuse('bad_recipient_key', { kty }, cause)
  }
  const { modulusLength: bits = 0, publicExponent: exponent = 0n } = key.asymmetricKeyDetails ?? {}
  const weak =
    bits < RSA_BITS_MIN || bits > RSA_BITS_MAX || exponent < EXPONENT_MIN || exponent % 2n === 0n || isEven(n)
  if (kty === 'RSA' && weak) throw refuse('bad_recipient_key', { kty, bits })
  return key
}

/**
 * A compact JWE of a text for a public JWK: ECDH-ES+A256KW or RSA-OAEP-256, and A256GCM. Throws `private_recipient_key` for one with a
 * private or symmetric part, `bad_recipient_key` for a weak or foreign one.
 */
export async function sealFor(text: string, recipient: unknown): Promise<string> {
  if (typeof recipient === 'object' && recipient !== null && PRIVATE.some((name) => Object.hasOwn(recipient, name)))
    throw refuse('private_recipient_key')
  const parsed = jwk.safeParse(recipient)
  if (!parsed.success) throw refuse('bad_recipient_key', {}, parsed.error)
  const alg = algOf(parsed.data)
  const { kid } = parsed.data
  const key = keyOf(parsed.data)
  const jwe = new CompactEncrypt(Buffer.from(text)).setProtectedHeader({
    alg,
    enc: 'A256GCM',
    cty: 'text/plain',
    ...(kid === undefined ? {} : { kid }),
  })
  // Only here does it show that a point is of low order (RFC 7748, 6.1) or that nothing can be computed under a modulus.
  return jwe.encrypt(key).catch((cause: unknown) => {
    throw refuse('bad_recipient_key', { alg }, cause)
  })
}
