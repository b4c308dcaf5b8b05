/** JWTs in one pass: the header of a key is encoded once, and the signature is asked of the keyring as the library asks it. */

import type { ProviderKey } from '../../keys/index.ts'

type Signing = ProviderKey & { readonly sign: NonNullable<ProviderKey['sign']> }

/** What signs with an algorithm now. */
export interface JwtSigner {
  /** Whether there is a key. */
  signs(alg: string): boolean
  /** A signed JWT (RFC 7515, 7.1). Throws what the signer throws, and where there is no key. `typ`: none for ID tokens. */
  sign(alg: string, payload: Readonly<Record<string, unknown>>, typ?: string): Promise<string>
}

/** Makes it from a generation's keys, in the library's order of choice: the first that signs. */
export function createJwtSigner(keys: readonly ProviderKey[]): JwtSigner {
  const heads = new Map<string, string>()
  const keyOf = (alg: string): Signing | undefined =>
    keys.find((key): key is Signing => key.alg === alg && key.sign !== undefined)

  function headOf({ alg, kid }: Signing, typ: string | undefined): string {
    const name = `${kid} ${typ}`
    const known = heads.get(name)
    if (known !== undefined) return known
    const head = Buffer.from(JSON.stringify({ alg, ...(typ === undefined ? {} : { typ }), kid })).toString('base64url')
    heads.set(name, head)
    return head
  }

  return {
    signs: (alg) => keyOf(alg) !== undefined,
    async sign(alg, payload, typ) {
      const key = keyOf(alg)
      if (!key) throw new Error(`nothing signs with ${alg}`)
      const text = `${headOf(key, typ)}.${Buffer.from(JSON.stringify(payload)).toString('base64url')}`
      const { exp } = payload
      const signature = await key.sign(Buffer.from(text, 'latin1'), typeof exp === 'number' ? exp : undefined)
      return `${text}.${Buffer.from(signature.buffer, signature.byteOffset, signature.length).toString('base64url')}`
    },
  }
}
