/**
 * Verifications of API tokens a second, with a million tokens in an embedded store: cold (nothing is known of the token), warm (what
 * stands above it is) and hot (the token itself, too); and texts that are refused by their checksum.
 */

import { createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../adapters/sqlite/index.ts'
import type { Insert, Store } from '../adapters/store.ts'
import { createTokenUse, tokenCollections } from '../src/api-tokens/index.ts'
import { apiTokens, type TokenRecord, tokenDoc, tokenId } from '../src/api-tokens/records.ts'
import { randomText, seconds, systemClock, systemRandom, Unit } from '../src/base/index.ts'
import { createSeal, fixedMasters, type Seal, sealKeys, softwareMaster } from '../src/seal/index.ts'
import { tokenRecord } from '../test/support/token-record.ts'

const UNIT = 10_000
const SAMPLE = 10_000
const DAY = 24 * 3600
const MEASURE_MS = 2000

/** What was measured. Rates in verifications a second. */
export interface TokenBench {
  readonly tokens: number
  readonly loadSeconds: number
  readonly fileMegabytes: number
  readonly rates: Readonly<Record<'cold' | 'warm' | 'hot' | 'mistyped', number>>
  /** Store reads for each verification. */
  readonly reads: Readonly<Record<'cold' | 'warm' | 'hot' | 'mistyped', number>>
}

const recordOf = (n: number, now: number): TokenRecord =>
  tokenRecord({
    name: `token ${n}`,
    owner: { type: 'service', id: `service-${n}` },
    purpose: 'bench',
    keptAt: 'nowhere',
    scopes: ['read', 'write'],
    apis: ['urn:bench:api'],
    createdAt: now,
  })

/** Puts tokens into the store in big units; keeps the texts of some. */
async function load(store: Store, seal: Seal, count: number): Promise<readonly string[]> {
  const texts: string[] = []
  const now = seconds(systemClock)
  const every = Math.max(1, Math.floor(count / SAMPLE))
  // The writer has a thread of its own: the next unit is made while it commits this one.
  let writing: Promise<void> = Promise.resolve()
  for (let from = 0; from < count; from += UNIT) {
    const inserts: Insert[] = []
    for (let n = from; n < Math.min(from + UNIT, count); n++) {
      const text = seal.mintCredential('svc')
      if (n % every === 0) texts.push(text)
      const id = tokenId(seal, text)
      const times = { notBefore: null, exp: now + 30 * DAY, purgeAt: now + 120 * DAY }
      const what = { id, hk: seal.hk, record: recordOf(n, now), line: id, parent: null, state: 'active' } as const
      inserts.push({ collection: apiTokens.name, doc: tokenDoc(seal, { ...what, ...times }) })
    }
    const nothing = { burns: [], updates: [], revocations: [], cleanups: [], events: [] }
    await writing
    // A node that has lost sight of its keys seals nothing; no timer looks here.
    await seal.poll()
    writing = store.commit({ ...nothing, cid: randomText(systemRandom, 16), request: 'bench', inserts })
  }
  await writing
  return texts
}

/** Goes through texts, one after the other, until the time is over or, `once`, each was there. */
async function rate(
  verify: (text: string) => Promise<unknown>,
  texts: readonly string[],
  once = false,
): Promise<{ readonly rate: number; readonly done: number }> {
  const began = performance.now()
  let done = 0
  while (once ? done < texts.length : performance.now() - began < MEASURE_MS)
    for (let n = 0; n < Math.min(500, texts.length); n++) await verify(texts[done++ % texts.length] ?? '')
  return { rate: Math.round((done / (performance.now() - began)) * 1000), done }
}

/** Measures with so many tokens. */
export async function measureTokens(count: number): Promise<TokenBench> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-tokens-'))
  const file = join(folder, 'bench.db')
  const store = await openSqliteStore({ file, collections: [sealKeys, ...tokenCollections] })
  try {
    const masters = fixedMasters(softwareMaster(createSecretKey(Buffer.alloc(32, 1))))
    const seal = await createSeal({ store, masters, clock: systemClock, random: systemRandom })
    const began = performance.now()
    const texts = await load(store, seal, count)
    const loadSeconds = (performance.now() - began) / 1000
    return {
      tokens: count,
      loadSeconds,
      fileMegabytes: statSync(file).size / 1e6,
      ...(await measure(store, seal, texts)),
    }
  } finally {
    await store.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(
  store: Store,
  seal: Seal,
  texts: readonly string[],
): Promise<Pick<TokenBench, 'rates' | 'reads'>> {
  let reads = 0
  const counted = (inner: Store): Store => ({
    ...inner,
    get(collection, id) {
      reads++
      return inner.get(collection, id)
    },
  })
  const watched = counted(store)
  const unit = () => new Unit({ store, cid: randomText(systemRandom, 16), request: 'bench' })
  const limits = {
    lifetimeSecondsMax: 366 * DAY,
    scopes: undefined,
    networks: { allow: [], except: [] },
    idleSecondsMax: undefined,
  }
  const node = (documentMsMax: number) =>
    createTokenUse({
      store: watched,
      seal,
      clock: systemClock,
      unit,
      commit: (staged) => store.commit(staged.writes('all')),
      // Stands for the read of a client.
      async owner({ id }) {
        await watched.get(apiTokens.name, id)
        return { alive: true, scopes: ['read', 'write'] }
      },
      limits: () => limits,
      rates: () => ({}),
      documentMsMax,
    }).verifier
  const asked = { api: 'urn:bench:api', address: '192.0.2.7', method: 'GET', path: '/orders/7' }
  const rates = { cold: 0, warm: 0, hot: 0, mistyped: 0 }
  const per = { cold: 0, warm: 0, hot: 0, mistyped: 0 }
  const run = async (
    what: keyof typeof rates,
    verifier: ReturnType<typeof node>,
    some: readonly string[],
    once = false,
  ) => {
    reads = 0
    const { rate: found, done } = await rate((text) => verifier.verify(text, asked), some, once)
    rates[what] = found
    per[what] = Number((reads / done).toFixed(3))
  }
  // Cold: each token once, and each has an owner of its own.
  await run('cold', node(1000), texts, true)
  const warm = node(0)
  const hundred = texts.slice(0, 100)
  for (const text of hundred) await warm.verify(text, asked)
  await run('warm', warm, hundred)
  await run('hot', node(1000), texts.slice(0, 1000))
  await run(
    'mistyped',
    node(1000),
    texts.slice(0, 1000).map((text) => `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`),
  )
  return { rates, reads: per }
}

/** The results as lines. */
export function tokensTable({ tokens, loadSeconds, fileMegabytes, rates, reads }: TokenBench): string {
  const line = (what: keyof typeof rates, about: string): string =>
    `${what.padEnd(10)}${String(rates[what]).padStart(10)}${String(reads[what]).padStart(10)}   ${about}`
  return [
    `API tokens: ${tokens.toLocaleString('en')} in the store (${fileMegabytes.toFixed(0)} MB, loaded in ${loadSeconds.toFixed(1)} s)`,
    `${''.padEnd(10)}${'per second'.padStart(10)}${'reads'.padStart(10)}`,
    line('cold', 'token and owner are read'),
    line('warm', 'owner and limits are known, the token is read: never older than now'),
    line('hot', 'read a second ago at most'),
    line('mistyped', 'refused by the checksum'),
    '',
    'One after the other in one process, in the process itself: no HTTP.',
    '',
  ].join('\n')
}
