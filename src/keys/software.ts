/** Temporary: replaced by the signers branch. */
import { createPrivateKey, generateKeyPairSync, sign as signWith } from 'node:crypto'
import type { JWK } from 'jose'
import { ALGORITHMS, type Algorithm, type Signers } from './signers.ts'

export function createSoftwareSigners(): Signers {
  return {
    name: 'software',
    algorithms: ALGORITHMS,
    async make(alg: Algorithm) {
      const pair =
        alg === 'ES256'
          ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
          : alg.startsWith('Ed')
            ? generateKeyPairSync('ed25519')
            : alg.startsWith('ML')
              ? generateKeyPairSync(alg.toLowerCase() as 'ml-dsa-44')
              : generateKeyPairSync('rsa', { modulusLength: 2048 })
      const jwk = pair.privateKey.export({ format: 'jwk' }) as JWK
      return {
        publicJwk: pair.publicKey.export({ format: 'jwk' }) as JWK,
        secret: Buffer.from(JSON.stringify(jwk)),
      }
    },
    async open({ alg, secret }) {
      const key = createPrivateKey({ key: JSON.parse(Buffer.from(secret).toString()), format: 'jwk' })
      const digest = /^(RS|PS|ES)/.test(alg) ? 'sha256' : null
      const options = {
        key,
        ...(alg === 'ES256' ? { dsaEncoding: 'ieee-p1363' as const } : {}),
        ...(alg === 'PS256' ? { padding: 6, saltLength: 32 } : {}),
      }
      return (data) => signWith(digest, data, options)
    },
    async destroy() {},
    async ready() {},
    async close() {},
  }
}
