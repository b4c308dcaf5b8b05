/**
 * What a durable commit costs in CPU, in parts: the main thread (message and answer), the writer thread (with its checkpoints), the
 * relay, and settling. Two commits: an opaque client-credentials token (one insert, one event) and a refresh (one decider with body
 * and receipt, three events). Making and sealing the documents is left out: it is the caller's.
 */

import { createSecretKey, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../adapters/sqlite/index.ts'
import type { Store, Writes } from '../adapters/store.ts'
import { collections } from '../src/app.ts'
import { systemClock as clock, systemRandom as random, randomText, seconds, TENANT, Unit } from '../src/base/index.ts'
import { createRelay } from '../src/events.ts'
import { artefacts } from '../src/oidc/index.ts'
import { createRecords } from '../src/oidc/records.ts'
import { createSeal, fixedMasters, type Seal, sealEvents, softwareMaster } from '../src/seal/index.ts'
import { createLogger } from '../src/telemetry/index.ts'

const IN_FLIGHT = 32
const ROUND = 3200
const SCOPE = 'openid offline_access read'
const RECEIPT = {
  access_token: `mm_at_${'x'.repeat(48)}`,
  refresh_token: `mm_rt_${'x'.repeat(72)}`,
  expires_in: 3600,
  token_type: 'Bearer',
  scope: SCOPE,
  id_token: 'x'.repeat(640),
}
const PERSON = { accountId: 'person', clientId: 'bench', grantId: 'grant', sessionUid: 'uid' }
const BEGUN = {
  head: 'first',
  predecessor: null,
  graceUntil: 0,
  idleUntil: 0,
  uses: 0,
  repeats: 0,
  recent: null,
  rotateNext: null,
  receipt: null,
  receiptKey: null,
}
const DECIDED = {
  client_id: 'bench',
  account: 'person',
  do: 'rotate',
  why: 'not bound',
  limits: { neverRotate: false, lifetimeSecondsMax: 1_209_600, graceSecondsMax: 10 },
  notify: [],
  opinions: [{ policy: 'whenNotBound', do: 'rotate' }],
  shadow: [],
}

/** Microseconds of CPU a commit. */
export interface Parts {
  readonly message: number
  readonly writer: number
  readonly relay: number
  readonly settle: number
  readonly sum: number
}

type What = 'token' | 'refresh'

interface Desk {
  readonly store: Store
  readonly seal: Seal
}

const unitOf = (store: Store): Unit => new Unit({ store, cid: randomText(random, 16), request: randomText(random, 9) })

function told({ seal }: Desk, staged: Unit): Writes {
  const actor = { request: staged.request, network: '192.0.2.0/24' }
  return staged.writes('all', sealEvents(seal, staged, { clock, actor, tenant: TENANT }))
}

/** One token, as the token endpoint stages it. */
function tokenUnit(desk: Desk): Writes {
  const { store, seal } = desk
  const records = createRecords(seal)
  const [jti, now, staged] = [seal.mint('at'), seconds(clock), unitOf(store)]
  const payload = { iat: now, exp: now + 600, scope: 'read', clientId: 'bench', kind: 'ClientCredentials', jti }
  staged.insert(artefacts.name, records.document('ClientCredentials', records.id('ClientCredentials', jti), payload))
  staged.note('token.issued', {
    kind: 'ClientCredentials',
    client_id: 'bench',
    grant_type: 'client_credentials',
    scope: 'read',
    format: 'opaque',
  })
  return told(desk, staged)
}

async function families({ store, seal }: Desk, count: number): Promise<readonly string[]> {
  const records = createRecords(seal)
  const ids = Array.from({ length: count }, () => records.id('Family', randomText(random, 18)))
  const now = seconds(clock)
  const staged = unitOf(store)
  for (const id of ids) {
    const payload = { ...PERSON, iat: now, exp: now + 8e6 }
    const fields = { ...BEGUN, absoluteUntil: now + 8e6 }
    staged.insert(artefacts.name, records.document('Family', id, payload, { family: id, fields }))
  }
  await store.commit(staged.writes('all'))
  return ids
}

/** One refresh of a family, as the token endpoint stages it. */
async function refreshUnit(desk: Desk, id: string): Promise<Writes> {
  const { store, seal } = desk
  const [records, staged, now] = [createRecords(seal), unitOf(store), seconds(clock)]
  const doc = await staged.get(artefacts.name, id)
  if (!doc) throw new Error('no family')
  const before = String(doc.fields.head)
  const head = randomBytes(32).toString('base64url')
  const payload = { ...PERSON, scope: SCOPE, iat: now, iiat: now, rotations: 7, mmSeen: { network: '192.0.2.0/24' } }
  const { dk, body } = records.reseal(doc, payload)
  const answered = { body: RECEIPT, at: now, for: { scope: null, resource: null, binding: null } }
  const receipt = seal.sealUnder(head, id, Buffer.from(JSON.stringify(answered)))
  const fields = {
    head,
    idleUntil: now + 1e6,
    predecessor: before,
    graceUntil: now + 10,
    recent: null,
    repeats: 0,
    rotateNext: null,
    receipt: receipt.body,
    receiptKey: receipt.dk,
  }
  const when = { revokedAt: null, state: 'live', fields: { head: before } } as const
  const set = { dk, body, lastUse: now, fields }
  staged.decide({ collection: artefacts.name, id, if: when, set, increment: { uses: 1 } }, doc)
  staged.note('rotation.decided', { ...DECIDED, family: id })
  staged.note('refresh_token.rotated', { family: id, client_id: 'bench', rotations: 7 })
  staged.note('token.issued', {
    kind: 'AccessToken',
    client_id: 'bench',
    grant_type: 'refresh_token',
    scope: SCOPE,
    format: 'jwt',
  })
  return told(desk, staged)
}

async function inFlight(store: Store, units: readonly Writes[]): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      for (let unit = units[next++]; unit; unit = units[next++]) await store.commit(unit)
    }),
  )
}

const micros = ({ user, system }: NodeJS.CpuUsage): number => user + system

async function cpuOf(work: () => Promise<unknown>): Promise<{ readonly main: number; readonly all: number }> {
  const [main, all] = [process.threadCpuUsage(), process.cpuUsage()]
  await work()
  return { main: micros(process.threadCpuUsage(main)), all: micros(process.cpuUsage(all)) }
}

const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0

/** Opens a store and gives what measures rounds on it. */
async function opened(file: string) {
  const real = await openSqliteStore({ file, collections })
  let settling = 0
  const store: Store = {
    ...real,
    async settle(ids) {
      settling += (await cpuOf(() => real.settle(ids))).all
    },
  }
  const seal = await createSeal({
    store,
    clock,
    random,
    masters: fixedMasters(softwareMaster(createSecretKey(Buffer.alloc(32, 1)))),
  })
  const desk = { store, seal }
  const relay = createRelay({
    store,
    seal,
    clock,
    random,
    logger: createLogger({ level: 'error' }),
    followers: [{ types: ['backchannel_logout.due'], follow: async () => {} }],
  })
  const ids = await families(desk, ROUND)

  async function round(what: What): Promise<Parts> {
    const units = await Promise.all(ids.map((id) => (what === 'token' ? tokenUnit(desk) : refreshUnit(desk, id))))
    const commits = await cpuOf(() => inFlight(store, units))
    settling = 0
    const drained = await cpuOf(() => relay.drain())
    const [message, writer] = [commits.main / ROUND, (commits.all - commits.main) / ROUND]
    const [relayed, settle] = [(drained.all - settling) / ROUND, settling / ROUND]
    return { message, writer, relay: relayed, settle, sum: message + writer + relayed + settle }
  }
  return { round, close: () => real.close() }
}

const PARTS = ['message', 'writer', 'relay', 'settle', 'sum'] as const

/** Measures both commits, interleaved; the median of the rounds for each part. */
export async function measureCommits(rounds: number): Promise<Readonly<Record<What, Parts>>> {
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-bench-'))
  const { round, close } = await opened(join(folder, 'bench.db'))
  const seen: Record<What, Parts[]> = { token: [], refresh: [] }
  try {
    // The first two warm up.
    for (let n = -2; n < rounds; n++)
      for (const what of ['token', 'refresh'] as const) {
        const parts = await round(what)
        if (n >= 0) seen[what].push(parts)
      }
  } finally {
    await close()
    rmSync(folder, { recursive: true, force: true })
  }
  const of = (what: What): Parts => {
    const [message, writer, relay, settle, sum] = PARTS.map((part) => median(seen[what].map((one) => one[part])))
    return { message: message ?? 0, writer: writer ?? 0, relay: relay ?? 0, settle: settle ?? 0, sum: sum ?? 0 }
  }
  return { token: of('token'), refresh: of('refresh') }
}

/** What was measured, for people. */
export function commitsTable(measured: Readonly<Record<What, Parts>>): string {
  const line = (name: string, parts: Parts): string =>
    `${name.padEnd(34)}${PARTS.map((part) => parts[part].toFixed(1).padStart(10)).join('')}\n`
  return `A durable commit with ${IN_FLIGHT} in flight, microseconds of CPU\n${''.padEnd(34)}${PARTS.map((part) => part.padStart(10)).join('')}\n${line('opaque client-credentials token', measured.token)}${line('refresh: a decider, three events', measured.refresh)}`
}
