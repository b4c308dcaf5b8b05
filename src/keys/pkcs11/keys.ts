/** What is done with keys in a token: made there, never taken out, used there, destroyed there. Runs in the child process. */

import { createHash, randomBytes } from 'node:crypto'
import type { JWK } from 'jose'
import type { Algorithm } from '../signers.ts'
import { CKA, CKK, CKM, CKO, CKS_RW_USER, MGF1_SHA256, PARAMETERS } from './constants.ts'
import type { KeyName, Sealing } from './messages.ts'
import type { Attribute, Handle, Mechanism } from './module.ts'
import type { Session } from './token.ts'
import { Trouble } from './trouble.ts'

/** How an algorithm is spelt in PKCS#11. */
interface Spelling {
  readonly generate: number
  readonly sign: Mechanism
  readonly publicKey: readonly Attribute[]
  readonly keyType: number
  readonly signatureBytes: number
  /** CKM_ECDSA signs a hash as it is given; the others hash by themselves. */
  readonly hashesFirst: boolean
}

/** Object identifiers in DER: 1.2.840.10045.3.1.7 and 1.3.101.112. */
const P256 = Buffer.from('06082a8648ce3d030107', 'hex')
const ED25519 = Buffer.from('06032b6570', 'hex')

const rsa = (sign: Mechanism): Spelling => ({
  generate: CKM.rsaKeyPairGen,
  sign,
  publicKey: [
    { type: CKA.modulusBits, value: 2048 },
    { type: CKA.publicExponent, value: Buffer.from([1, 0, 1]) },
  ],
  keyType: CKK.rsa,
  signatureBytes: 256,
  hashesFirst: false,
})

const edwards: Spelling = {
  generate: CKM.ecEdwardsKeyPairGen,
  sign: { mechanism: CKM.eddsa, parameter: null },
  publicKey: [{ type: CKA.ecParams, value: ED25519 }],
  keyType: CKK.ecEdwards,
  signatureBytes: 64,
  hashesFirst: false,
}

const pss = { type: PARAMETERS.rsaPss, hashAlg: CKM.sha256, mgf: MGF1_SHA256, saltLen: 32 }

const spellings: ReadonlyMap<Algorithm, Spelling> = new Map<Algorithm, Spelling>([
  [
    'ES256',
    {
      generate: CKM.ecKeyPairGen,
      sign: { mechanism: CKM.ecdsa, parameter: null },
      publicKey: [{ type: CKA.ecParams, value: P256 }],
      keyType: CKK.ec,
      signatureBytes: 64,
      hashesFirst: true,
    },
  ],
  ['RS256', rsa({ mechanism: CKM.sha256RsaPkcs, parameter: null })],
  ['PS256', rsa({ mechanism: CKM.sha256RsaPkcsPss, parameter: pss })],
  ['EdDSA', edwards],
  ['Ed25519', edwards],
])

function spellingOf(alg: Algorithm): Spelling {
  const spelling = spellings.get(alg)
  if (!spelling) throw new Trouble('refused', `a PKCS#11 token makes no ${alg} keys`)
  return spelling
}

/** The algorithms that a token with these mechanisms can make keys for and sign with. */
export function algorithmsOf(mechanisms: ReadonlySet<number>): readonly Algorithm[] {
  return [...spellings]
    .filter(([, { generate, sign }]) => mechanisms.has(generate) && mechanisms.has(sign.mechanism))
    .map(([alg]) => alg)
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

/** CKA_EC_POINT is an OCTET STRING in DER; some modules give the point bare. `length` is the point's own. */
function pointOf(value: Buffer, length: number): Buffer {
  return value.length === length + 2 && value[0] === 0x04 && value[1] === length ? value.subarray(2) : value
}

/** A JWK's integers have no leading zero (RFC 7518, 6.3.1.1); a token's may. */
function trimmed(value: Buffer): Buffer {
  const first = value.findIndex((byte) => byte !== 0)
  return first > 0 ? value.subarray(first) : value
}

function publicJwkOf({ module, handle }: Session, object: Handle, keyType: number): JWK {
  const read = (type: number): Buffer =>
    module.C_GetAttributeValue(handle, object, [{ type }])[0]?.value ?? Buffer.alloc(0)
  if (keyType === CKK.rsa) {
    return { kty: 'RSA', n: text(trimmed(read(CKA.modulus))), e: text(trimmed(read(CKA.publicExponent))) }
  }
  if (keyType === CKK.ecEdwards) return { kty: 'OKP', crv: 'Ed25519', x: text(pointOf(read(CKA.ecPoint), 32)) }
  const point = pointOf(read(CKA.ecPoint), 65)
  return { kty: 'EC', crv: 'P-256', x: text(point.subarray(1, 33)), y: text(point.subarray(33)) }
}

/** Makes a key pair in the token: sensitive, never extractable, under a random CKA_ID. */
export async function generate(session: Session, alg: Algorithm): Promise<KeyName & { readonly publicJwk: JWK }> {
  const spelling = spellingOf(alg)
  const id = randomBytes(16)
  const both: readonly Attribute[] = [
    { type: CKA.token, value: true },
    { type: CKA.keyType, value: spelling.keyType },
    { type: CKA.id, value: id },
    { type: CKA.label, value: `mintmark ${alg}` },
  ]
  const pair = await session.module.C_GenerateKeyPairAsync(
    session.handle,
    { mechanism: spelling.generate, parameter: null },
    [{ type: CKA.class, value: CKO.publicKey }, { type: CKA.verify, value: true }, ...both, ...spelling.publicKey],
    [
      { type: CKA.class, value: CKO.privateKey },
      { type: CKA.private, value: true },
      { type: CKA.sensitive, value: true },
      { type: CKA.extractable, value: false },
      { type: CKA.sign, value: true },
      ...both,
    ],
  )
  return { id: id.toString('hex'), publicJwk: publicJwkOf(session, pair.publicKey, spelling.keyType) }
}

/** Objects of a template. None may also mean that the token is away, so that is asked before none is believed. */
function find({ module, handle, slot }: Session, template: readonly Attribute[]): readonly Handle[] {
  module.C_FindObjectsInit(handle, template)
  let found: readonly Handle[]
  try {
    found = module.C_FindObjects(handle, 10)
  } finally {
    module.C_FindObjectsFinal(handle)
  }
  if (found.length === 0) module.C_GetTokenInfo(slot)
  return found
}

function keyOf(session: Session, { id }: KeyName, type: number): Handle {
  const name = `${type} ${id}`
  const known = session.objects.get(name)
  if (known) return known
  const template = [
    { type: CKA.class, value: type },
    { type: CKA.id, value: Buffer.from(id, 'hex') },
  ]
  const [key] = find(session, template)
  if (!key) throw new Trouble('away', `the token holds no key with the id ${id}`)
  session.objects.set(name, key)
  return key
}

/** The raw signature over `data` with a key of the token. */
export async function sign(
  session: Session,
  { id, alg, data }: KeyName & { readonly alg: Algorithm; readonly data: Uint8Array },
): Promise<Uint8Array> {
  const spelling = spellingOf(alg)
  const key = keyOf(session, { id }, CKO.privateKey)
  const input = spelling.hashesFirst ? createHash('sha256').update(data).digest() : Buffer.from(data)
  session.module.C_SignInit(session.handle, spelling.sign, key)
  return session.module.C_SignAsync(session.handle, input, Buffer.alloc(spelling.signatureBytes))
}

/** Destroys every object with this id. */
export async function destroy(session: Session, { id }: KeyName): Promise<null> {
  for (const object of find(session, [{ type: CKA.id, value: Buffer.from(id, 'hex') }])) {
    session.module.C_DestroyObject(session.handle, object)
  }
  for (const type of Object.values(CKO)) session.objects.delete(`${type} ${id}`)
  return null
}

/** Whether the token is there and lets us sign. */
export async function ready({ module, slot, handle }: Session): Promise<null> {
  module.C_GetTokenInfo(slot)
  // As the module itself would say it at the next signature: the caller then connects anew.
  if (module.C_GetSessionInfo(handle).state !== CKS_RW_USER) throw new Error('CKR_USER_NOT_LOGGED_IN:257')
  return null
}

const masterTemplate = (label: string): readonly Attribute[] => [
  { type: CKA.class, value: CKO.secretKey },
  { type: CKA.keyType, value: CKK.aes },
  { type: CKA.label, value: label },
]

/** Makes an AES-256 key in the token that never leaves it. */
export async function makeMaster(session: Session, { label }: { readonly label: string }): Promise<KeyName> {
  const id = randomBytes(16)
  await session.module.C_GenerateKeyAsync(session.handle, { mechanism: CKM.aesKeyGen, parameter: null }, [
    ...masterTemplate(label),
    { type: CKA.id, value: id },
    { type: CKA.valueLength, value: 32 },
    { type: CKA.token, value: true },
    { type: CKA.private, value: true },
    { type: CKA.sensitive, value: true },
    { type: CKA.extractable, value: false },
    { type: CKA.encrypt, value: true },
    { type: CKA.decrypt, value: true },
  ])
  return { id: id.toString('hex') }
}

/** The AES keys with this label. */
export async function findMasters(
  session: Session,
  { label }: { readonly label: string },
): Promise<readonly KeyName[]> {
  return find(session, masterTemplate(label)).map((object) => {
    const [id] = session.module.C_GetAttributeValue(session.handle, object, [{ type: CKA.id }])
    return { id: id?.value.toString('hex') ?? '' }
  })
}

function gcm({ nonce, aad }: Sealing): Mechanism {
  const parameter = {
    type: PARAMETERS.aesGcm,
    iv: Buffer.from(nonce),
    ivBits: nonce.length * 8,
    aad: Buffer.from(aad),
    tagBits: 128,
  }
  return { mechanism: CKM.aesGcm, parameter }
}

/** Ciphertext and tag. */
export async function encrypt(session: Session, sealing: Sealing): Promise<Uint8Array> {
  session.module.C_EncryptInit(session.handle, gcm(sealing), keyOf(session, sealing, CKO.secretKey))
  return session.module.C_EncryptAsync(
    session.handle,
    Buffer.from(sealing.data),
    Buffer.alloc(sealing.data.length + 32),
  )
}

/** The plaintext. Throws a `Trouble` of kind `refused` when it does not open. */
export async function decrypt(session: Session, sealing: Sealing): Promise<Uint8Array> {
  session.module.C_DecryptInit(session.handle, gcm(sealing), keyOf(session, sealing, CKO.secretKey))
  const out = Buffer.alloc(sealing.data.length + 32)
  return session.module.C_DecryptAsync(session.handle, Buffer.from(sealing.data), out).catch(async (cause: unknown) => {
    // Modules have many names for a wrong tag (SoftHSM: CKR_GENERAL_ERROR). It is one when the token itself is well.
    await ready(session)
    throw new Trouble('refused', 'what the master key of the token should open does not open', { cause })
  })
}
