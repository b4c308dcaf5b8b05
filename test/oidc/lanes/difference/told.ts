/**
 * What is random, made comparable: every opaque text becomes its name where the cast knows it, else its kind and the order in which it
 * came; a JWT becomes its header, its claims and whether its signature is good; a keyed hash of any of them says of which.
 */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import type { JWK } from 'jose'
import type { App } from '../../../../src/app.ts'
import type { Records } from '../../../../src/oidc/index.ts'
import type { Cast } from './cast.ts'

const OURS = /^mm_(at|cc|rt|ac)_[\w-]+$/
const KINDS = { at: 'AccessToken', cc: 'ClientCredentials', rt: 'RefreshToken', ac: 'AuthorizationCode' } as const
const isShort = (text: string): text is keyof typeof KINDS => Object.hasOwn(KINDS, text)

/** Whether a value has members. */
export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function decoded(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return undefined
  }
}

/** The keys that a server publishes, by id. */
export class PublishedKeys {
  readonly #app: App
  readonly #known = new Map<string, KeyObject>()
  constructor(app: App) {
    this.#app = app
  }

  #key(kid: string): KeyObject | undefined {
    if (this.#known.size === 0) {
      const { keys } = JSON.parse(this.#app.keyring.jwks().body) as { keys: (JWK & { kid: string })[] }
      for (const { kid: id, ...jwk } of keys) this.#known.set(id, createPublicKey({ key: { ...jwk }, format: 'jwk' }))
    }
    return this.#known.get(kid)
  }

  /** Whether a signature over `text` is good under the header's key. */
  verifies({ alg, kid }: Readonly<Record<string, unknown>>, text: string, signature: Buffer): boolean {
    const key = this.#key(String(kid))
    if (!key) return false
    const hash = alg === 'EdDSA' ? null : 'sha256'
    return verify(hash, Buffer.from(text), alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' } : key, signature)
  }
}

/** Tells of one exchange with one server. */
export class Teller {
  readonly #cast: Cast
  readonly #records: Records
  readonly #keys: PublishedKeys | undefined
  readonly #known = new Map<string, string>()
  #count = 0

  /** `keys`: of a server whose signatures are looked at; undefined where they are taken for good. */
  constructor(input: { readonly cast: Cast; readonly records: Records; readonly keys: PublishedKeys | undefined }) {
    this.#cast = input.cast
    this.#records = input.records
    this.#keys = input.keys
  }

  /** Says what a text is called from now on. */
  call(text: string, name: string): void {
    if (text !== '' && !this.#known.has(text)) this.#known.set(text, `<${name}>`)
  }

  #token(text: string, short: string): string {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const given = this.#cast.nameOf(text)
    const name = given ?? `${short} ${++this.#count}, ${text.length} long`
    this.call(text, name)
    if (isShort(short)) this.call(this.#records.hash(KINDS[short], text), `hash of ${name}`)
    return `<${name}>`
  }

  #jwt(text: string): unknown {
    const [head = '', body = '', signature = ''] = text.split('.')
    const [header, claims] = [decoded(head), decoded(body)]
    if (!isRecord(header) || !isRecord(claims)) return text
    // The id is chance, and nothing else in the answer names it.
    const { jti } = claims
    if (typeof jti === 'string' && this.#cast.nameOf(text) === undefined) this.call(jti, `jti, ${jti.length} long`)
    const isGood = !this.#keys || this.#keys.verifies(header, `${head}.${body}`, Buffer.from(signature, 'base64url'))
    return { header, claims: this.value(claims), isGood }
  }

  /** A text told. */
  text(text: string): unknown {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const [, short] = OURS.exec(text) ?? []
    if (short !== undefined) return this.#token(text, short)
    if (/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) {
      const given = this.#cast.nameOf(text)
      return given === undefined ? this.#jwt(text) : `<${given}>`
    }
    return text
  }

  /** Any value told, to its depth; members stay in their order. */
  value(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value)
    if (Array.isArray(value)) return value.map((one) => this.value(one))
    if (!isRecord(value)) return value
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, this.value(one)]))
  }

  /** A JSON text told; any other body as it is, but for the request's id. */
  body(body: Buffer, requestId = ''): unknown {
    const text = requestId === '' ? body.toString() : body.toString().replaceAll(requestId, 'REQUEST')
    if (text.startsWith('eyJ')) return this.text(text)
    if (!text.startsWith('{')) return text
    try {
      const parsed: unknown = JSON.parse(text)
      // Told with the exact text's shape: blanks and the order of members are seen, too.
      return text === JSON.stringify(parsed) ? this.value(parsed) : ['not as JSON.stringify writes it', text]
    } catch {
      return text
    }
  }
}
