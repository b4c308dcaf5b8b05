/** Signatures a second and what one takes, of every signer that can be had here: software, PKCS#11 on SoftHSM, a KMS over loopback. */

import { createKmsSigners } from '../examples/kms.ts'
import { type Algorithm, createSoftwareSigners, type Sign, type Signers } from '../src/keys/index.ts'
import { openPkcs11 } from '../src/keys/pkcs11/client.ts'
import { createPkcs11Signers } from '../src/keys/pkcs11/signers.ts'
import { madeKey } from '../test/support/jws.ts'
import { startKms } from '../test/support/kms-stand-in.ts'
import { createToken, whyNoToken } from '../test/support/softhsm.ts'

const IN_FLIGHT = 16
const WARM_MS = 100
const MEASURE_MS = 1000
/** An access token's header and claims are about this long. */
const DATA = Buffer.alloc(700, 'a')

/** One signer with one algorithm. */
export interface SignerResult {
  readonly signer: string
  readonly algorithm: string
  readonly perSecond: number
  /** Microseconds from asking to having it, with the others in flight. */
  readonly p50Us: number
  readonly p99Us: number
}

async function load(sign: Sign, ms: number): Promise<readonly number[]> {
  const took: number[] = []
  const until = performance.now() + ms
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let began = performance.now(); began < until; began = performance.now()) {
        await sign(DATA)
        took.push((performance.now() - began) * 1000)
      }
    }),
  )
  return took
}

async function measure(signer: string, signers: Signers, algorithm: Algorithm): Promise<SignerResult> {
  const key = await madeKey(signers, algorithm)
  const sign = await signers.open(key)
  await load(sign, WARM_MS)
  const began = performance.now()
  const took = [...(await load(sign, MEASURE_MS))].sort((a, b) => a - b)
  const seconds = (performance.now() - began) / 1000
  await signers.destroy(key)
  const at = (share: number) => Math.round(took[Math.floor(took.length * share)] ?? 0)
  return { signer, algorithm, perSecond: Math.round(took.length / seconds), p50Us: at(0.5), p99Us: at(0.99) }
}

async function all(name: string, signers: Signers, algorithms: readonly Algorithm[]): Promise<readonly SignerResult[]> {
  const results: SignerResult[] = []
  // One after the other: side by side they would take each other's processors.
  for (const algorithm of algorithms) results.push(await measure(name, signers, algorithm))
  await signers.close()
  return results
}

async function overPkcs11(): Promise<readonly SignerResult[]> {
  if (whyNoToken()) return []
  const token = createToken()
  try {
    const client = await openPkcs11({ ...token.settings, budgetMs: 10_000 })
    return await all('PKCS#11 (SoftHSM)', createPkcs11Signers(client), ['ES256', 'RS256'])
  } finally {
    token.remove()
  }
}

async function overKms(): Promise<readonly SignerResult[]> {
  const kms = await startKms()
  try {
    kms.mood.latencyMs = 2
    return await all('KMS (2 ms away)', createKmsSigners({ ...kms, concurrency: IN_FLIGHT, budgetMs: 10_000 }), [
      'ES256',
    ])
  } finally {
    await kms.close()
  }
}

/** Measures each for about a second, 16 signatures in flight. A signer that can't be had here is left out. */
export async function signersBench(): Promise<readonly SignerResult[]> {
  return [
    ...(await all('software', createSoftwareSigners(), ['ES256', 'Ed25519'])),
    ...(await all('software, pool', createSoftwareSigners(), ['RS256', 'PS256', 'ML-DSA-44'])),
    ...(await overPkcs11()),
    ...(await overKms()),
  ]
}

/** The results as an aligned table. */
export function signersTable(results: readonly SignerResult[]): string {
  const line = (cells: readonly [string, string, string, string, string]) =>
    `${cells[0].padEnd(20)}${cells[1].padEnd(12)}${cells[2].padStart(12)}${cells[3].padStart(12)}${cells[4].padStart(12)}`
  const head = line(['signer', 'algorithm', 'signs/s', 'p50 us', 'p99 us'])
  const rows = results.map(({ signer, algorithm, perSecond, p50Us, p99Us }) =>
    line([signer, algorithm, String(perSecond), String(p50Us), String(p99Us)]),
  )
  return `${[head, ...rows].join('\n')}\n\n${IN_FLIGHT} in flight, on one machine with what asks for them.\n`
}
