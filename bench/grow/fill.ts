/**
 * Fills an embedded store with live opaque tokens, past any server: written in big units, in order of id and without the collection's
 * indexes, which the server builds at once when it opens the store. Row for row what the server writes; of most only the body is
 * another token's, and is never opened.
 */

import { createHash } from 'node:crypto'
import { openSqliteStore } from '../../adapters/sqlite/index.ts'
import type { Insert, NewDoc, Store } from '../../adapters/store.ts'
import { randomText, seconds, systemClock, systemRandom } from '../../src/base/index.ts'
import { artefacts, createRecords, type Records } from '../../src/oidc/records.ts'
import { createSeal, type Seal, sealKeys } from '../../src/seal/index.ts'
import { benchMasters } from '../sides/mintmark.ts'
import { CLIENT } from '../sides/shared.ts'

const UNIT = 10_000
const DAY = 24 * 3600
const KIND = 'ClientCredentials'
const BASE64URL = [...'-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz']

/** `n` as four characters that sort as it does: where in the order of ids a unit lies. Below 64^4. */
export function sortable(n: number): string {
  return [3, 2, 1, 0].map((place) => BASE64URL[Math.floor(n / 64 ** place) % 64]).join('')
}

/** A token as the server would have issued it, alive for a day. */
function issued(seal: Seal, records: Records): { readonly text: string; readonly doc: NewDoc } {
  const iat = seconds(systemClock)
  const text = seal.mint('cc')
  const payload = { iat, exp: iat + DAY, kind: KIND, clientId: CLIENT, jti: text }
  return { text, doc: records.document(KIND, records.id(KIND, text), payload) }
}

/** A unit's documents, in order of id: all the ids of unit `n` lie between those of its neighbours. */
function unitOf(template: NewDoc, from: number, { total, length }: { total: number; length: number }): Insert[] {
  // The ids of `total` tokens, spread evenly over all the ids that there are.
  const prefix = (n: number): string => sortable(Math.floor((n / total) * 64 ** 4))
  return Array.from({ length }, (_, n) => {
    const rest = createHash('sha256')
      .update(`${from + n}`)
      .digest('base64url')
    return { collection: artefacts.name, doc: { ...template, id: `${prefix(from + n)}${rest.slice(4)}` } }
  }).sort((a, b) => (a.doc.id < b.doc.id ? -1 : 1))
}

async function put(store: Store, inserts: readonly Insert[]): Promise<void> {
  const nothing = { burns: [], updates: [], revocations: [], cleanups: [], events: [] }
  await store.commit({ ...nothing, cid: randomText(systemRandom, 16), request: 'bench', inserts })
}

/** Writes `count` tokens into the store at `file`. Resolves to the texts of `known` of them, which are real in all. */
export async function fill(file: string, count: number, known: number): Promise<readonly string[]> {
  const store = await openSqliteStore({ file, collections: [sealKeys, { ...artefacts, indexes: [], only: {} }] })
  try {
    const seal = await createSeal({ store, masters: benchMasters(), clock: systemClock, random: systemRandom })
    const records = createRecords(seal)
    const real = Array.from({ length: Math.min(known, count) }, () => issued(seal, records))
    await put(
      store,
      real.map(({ doc }) => ({ collection: artefacts.name, doc })),
    )
    const template = issued(seal, records).doc
    const total = count - real.length
    // The writer has a thread of its own: the next unit is made while it commits this one.
    let writing = Promise.resolve()
    for (let from = 0; from < total; from += UNIT) {
      const inserts = unitOf(template, from, { total, length: Math.min(UNIT, total - from) })
      await writing
      writing = put(store, inserts)
    }
    await writing
    return real.map(({ text }) => text)
  } finally {
    await store.close()
  }
}
