/**
 * The keyring as a node lives with it: what it last read, opened for signing, and a look at the store every second, so that every
 * node follows a change within two, with no restart.
 */

import type { JWK } from 'jose'
import { Secret, seconds } from '../base/index.ts'
import type { Logger } from '../telemetry/index.ts'
import type { KeySettings } from './decide.ts'
import { KeyringUnusable } from './errors.ts'
import { cacheControl, ordered, type Published, published } from './jwks.ts'
import { secretOf, signingKeys } from './records.ts'
import type { ReadRing, RingDeps, RingStore } from './ring.ts'
import type { KeyState, Ring, RingKey, Slot } from './rules.ts'
import { type Algorithm, SignerUnavailable } from './signers.ts'
import type { CountedSign, KeyUses } from './uses.ts'

/** A key as the provider uses it: `sign` is there while it is the current one of its algorithm. */
export interface ProviderKey {
  readonly kid: string
  readonly alg: Algorithm
  readonly state: KeyState
  readonly publicJwk: JWK
  readonly sign?: CountedSign
}

/** What a node knows of the ring. */
interface View {
  readonly rev: number
  readonly ring: Ring
  readonly keys: readonly ProviderKey[]
  /** Current first; every one of them still verifies. */
  readonly cookies: readonly Secret[]
  readonly jwks: Published
}

/** What it uses beyond the ring's own. */
export interface ViewDeps extends RingDeps {
  readonly ringStore: RingStore
  readonly uses: KeyUses
  readonly settings: () => KeySettings
  readonly logger: Logger
}

const SIGNING_STATES: readonly KeyState[] = ['current', 'next']

interface Opening extends ViewDeps {
  /** What signs, by kid. */
  readonly opened: Map<string, CountedSign>
}

/** What signs with a key; undefined when its private part was erased meanwhile (another node dropped it). */
async function signOf({ opened, signers, store, seal, uses }: Opening, key: RingKey): Promise<CountedSign | undefined> {
  const known = opened.get(key.kid)
  if (known || key.slot === 'cookie' || !key.publicJwk) return known
  const maker = signers.find(({ name }) => name === key.signer)
  if (!maker)
    return () => {
      throw new SignerUnavailable(`key ${key.kid} was made by ${key.signer}, which is not configured`)
    }
  const secret = await secretOf(store, seal, key)
  if (!secret) return undefined
  const { kid, slot: alg, publicJwk } = key
  const sign = uses.counted(kid, await maker.open({ kid, alg, publicJwk, secret }))
  opened.set(kid, sign)
  return sign
}

async function providerKey(deps: Opening, key: RingKey): Promise<readonly ProviderKey[]> {
  if (key.slot === 'cookie' || !key.publicJwk) return []
  const { kid, slot: alg, state, publicJwk } = key
  // The next one is opened too, so that no request waits when its turn comes.
  const sign = SIGNING_STATES.includes(state) ? await signOf(deps, key) : undefined
  return [{ kid, alg, state, publicJwk, ...(sign && state === 'current' ? { sign } : {}) }]
}

/** Every node accepts the next one already: another may have promoted it a second ago. */
const COOKIE_STATES: readonly KeyState[] = ['current', 'previous', 'next']

async function cookieSecrets({ store, seal }: Opening, ring: Ring): Promise<readonly Secret[]> {
  const keys = COOKIE_STATES.flatMap((state) => ring.keys.filter((key) => key.slot === 'cookie' && key.state === state))
  const secrets = await Promise.all(keys.map((key) => secretOf(store, seal, key)))
  return secrets.flatMap((secret) => (secret ? [new Secret(secret.toString('base64url'))] : []))
}

async function viewOf(deps: Opening, { doc, ring }: ReadRing): Promise<View> {
  const keys = (await Promise.all(ordered(ring).map((key) => providerKey(deps, key)))).flat()
  // A private key stays in memory only while it signs or is about to.
  const live = new Set(keys.filter(({ state }) => SIGNING_STATES.includes(state)).map(({ kid }) => kid))
  for (const kid of deps.opened.keys()) if (!live.has(kid)) deps.opened.delete(kid)
  return { rev: doc.rev, ring, keys, cookies: await cookieSecrets(deps, ring), jwks: published(ring) }
}

/** Refuses a ring whose signing keys nobody here can use. */
function refuseForeign({ signers }: ViewDeps, ring: Ring, wanted: readonly Slot[]): void {
  const foreign = ring.keys.find(
    ({ state, slot, signer }) =>
      state === 'current' && slot !== 'cookie' && wanted.includes(slot) && !signers.some(({ name }) => name === signer),
  )
  if (foreign)
    throw new KeyringUnusable(
      `This store's ${foreign.slot} key was made by the signer "${foreign.signer}", which is not configured; configure it, even beside another one that makes the next keys (docs/signers.md).`,
    )
}

/** How long an answer of the signers stands: /readyz may be asked by anyone, as often as they like. */
const READY_MS = 1000

/** Whether every current key can sign. One question at a time, and none more often than once a second. */
function createReadiness({ signers, clock }: ViewDeps, ring: () => Ring): () => Promise<void> {
  let asked: { readonly answer: Promise<void>; readonly at: number } | undefined
  async function ask(): Promise<void> {
    const current = ring().keys.filter(({ state, slot }) => state === 'current' && slot !== 'cookie')
    const needed = [...new Set(current.map(({ signer }) => signer))]
    await Promise.all(
      needed.map(async (name) => {
        const one = signers.find((maker) => maker.name === name)
        if (!one) throw new SignerUnavailable(`a key that signs was made by ${name}, which is not configured`)
        await one.ready()
      }),
    )
  }
  return () => {
    const now = clock.now()
    if (!asked || now < asked.at || now - asked.at >= READY_MS) asked = { answer: ask(), at: now }
    return asked.answer
  }
}

/** Opens it. Rejects with `KeyringUnusable` when a key that must sign was made by signers that are not configured. */
export async function openView(given: ViewDeps, wanted: readonly Slot[]) {
  const deps: Opening = { ...given, opened: new Map() }
  const { store, clock } = deps
  const listeners: (() => void)[] = []
  const first = await deps.ringStore.open(wanted)
  refuseForeign(deps, first.ring, wanted)
  let view = await viewOf(deps, first)
  /** False where a follower could not take the view: it is told again at the next look. */
  let isTold = true
  let looking: Promise<boolean> | undefined

  async function look(): Promise<boolean> {
    const doc = await store.get(signingKeys.name, first.doc.id)
    if (!doc || (doc.rev === view.rev && isTold)) return false
    const read = await deps.ringStore.read()
    if (!read) return false
    view = await viewOf(deps, read)
    isTold = false
    for (const tell of listeners) tell()
    isTold = true
    return true
  }

  function poll(): Promise<boolean> {
    looking ??= look().finally(() => {
      looking = undefined
    })
    return looking
  }

  const readiness = createReadiness(deps, () => view.ring)
  return {
    /** Reads the ring when it has changed, and tells whoever follows. Resolves to whether it had. */
    poll,
    /** After a change of one's own: a look that began before it may have read the ring of before. */
    async again(): Promise<void> {
      await looking?.catch(() => undefined)
      await poll()
    },
    follow: (tell: () => void): void => void listeners.push(tell),
    get ring() {
      return view.ring
    },
    /** Keys that sign or verify: current ones first. */
    keys: () => view.keys,
    cookieSecrets: () => view.cookies,
    /** What /jwks answers. */
    jwks() {
      const { publishSeconds } = deps.settings()
      return { ...view.jwks, cacheControl: cacheControl(view.ring, { now: seconds(clock), publishSeconds }) }
    },
    /** The public key that verifies a token of ours; undefined for a kid that is not published any more. */
    verifier: (kid: string) => view.keys.find((key) => key.kid === kid && key.state !== 'retired'),
    ready: readiness,
  }
}

export type KeyView = Awaited<ReturnType<typeof openView>>
