/** Signing keys in a PKCS#11 token: the private key is made there and never leaves it; what the store keeps opens nothing. */

import type { KeptKey, Signers } from '../signers.ts'
import type { Pkcs11Client } from './client.ts'
import type { KeyName } from './messages.ts'

const secretOf = ({ id }: KeyName): Uint8Array => Buffer.from(JSON.stringify({ id }))

function nameOf({ kid, secret }: KeptKey): KeyName {
  // Sealed by the keyring: these bytes are what `secretOf` made.
  const { id } = JSON.parse(Buffer.from(secret).toString('utf8')) as Partial<KeyName>
  if (!id) throw new Error(`the key ${kid} names no key in a token`)
  return { id }
}

/** The signer of an open token. Closing it closes the client. */
export function createPkcs11Signers(client: Pkcs11Client): Signers {
  return {
    name: 'pkcs11',
    algorithms: client.algorithms,
    async make(alg) {
      const { id, publicJwk } = await client.call('generate', { alg })
      return { publicJwk, secret: secretOf({ id }) }
    },
    async open(key) {
      const name = nameOf(key)
      const { alg } = key
      return (data) => client.call('sign', { ...name, alg, data })
    },
    async destroy(key) {
      await client.call('destroy', nameOf(key))
    },
    async ready() {
      await client.call('ready', null)
    },
    close: () => client.close(),
  }
}
