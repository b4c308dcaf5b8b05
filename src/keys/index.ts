/**
 * The keyring: the keys that sign tokens and cookies, their states and how they turn without a restart.
 * Owns which key signs, which are published, and the signers behind one interface. It refuses to know what is signed.
 */

import { seconds } from '../base/index.ts'
import { announce, destroy, drop, ensure, keyOf, named, retire, rotate, tick } from './actions.ts'
import type { KeySettings } from './decide.ts'
import { refuse } from './errors.ts'
import { openView, type ViewDeps } from './keyring.ts'
import { shownPlan, shownRing, whatVerifiersSee } from './present.ts'
import { keyUses, signingKeys } from './records.ts'
import { createRing } from './ring.ts'
import type { Slot } from './rules.ts'
import type { Algorithm } from './signers.ts'
import { type TurnDeps, usesOf } from './turn.ts'
import { createKeyUses } from './uses.ts'

export { type KeySettings, signingKeyNorm } from './decide.ts'
export { KeyringUnusable } from './errors.ts'
export type { ProviderKey } from './keyring.ts'
export { openPkcs11, type Pkcs11Client, Pkcs11Misconfigured, type Pkcs11Settings } from './pkcs11/client.ts'
export { createPkcs11Master, makeMasterKey } from './pkcs11/master.ts'
export { createPkcs11Signers } from './pkcs11/signers.ts'
export {
  ALGORITHMS,
  type Algorithm,
  type KeptKey,
  type MadeKey,
  type Sign,
  type Signers,
  SignerUnavailable,
} from './signers.ts'
export { createSoftwareSigners } from './software.ts'

/** What this room refuses. */
export const keyRefusals = refuse.table

/** This room's collections. */
export const keyCollections = [signingKeys, keyUses] as const

/** What the keyring uses. `algorithms`: those that tokens are signed with, the configuration's and those of the APIs. */
export interface KeyringDeps extends Omit<ViewDeps, 'ringStore' | 'uses'>, Pick<TurnDeps, 'decide'> {
  readonly settings: () => KeySettings
  readonly algorithms: () => Promise<readonly Algorithm[]>
}

/** Which keys are dropped: one, or an algorithm's, or all that tokens are signed with. */
export interface DropOrder {
  readonly alg?: string | undefined
  readonly kid?: string | undefined
  readonly why: string
  readonly dryRun: boolean
}

/** Opens the keyring: reads it, or makes it with a key for each algorithm. The first node to make it wins. */
export async function openKeyring(deps: KeyringDeps) {
  const wanted = async (): Promise<readonly Slot[]> => [...(await deps.algorithms()), 'cookie']
  const uses = createKeyUses(deps)
  const ringStore = createRing(deps)
  const view = await openView({ ...deps, ringStore, uses }, await wanted())
  const own = { ...deps, ringStore, uses, view, wanted, said: new Map<string, string>() }
  const { clock, settings } = deps
  for (const slot of await wanted()) await ensure(own, slot)
  await announce(own)
  return {
    poll: view.poll,
    follow: view.follow,
    keys: view.keys,
    cookieSecrets: view.cookieSecrets,
    jwks: view.jwks,
    verifier: view.verifier,
    ready: view.ready,
    tick: () => tick(own),
    /** What a node does that does not turn the ring: it says what it wants. */
    announce: () => announce(own),
    /** Whether keys for an algorithm can be made here. */
    offers: (alg: Algorithm): boolean => deps.signers[0].algorithms.includes(alg),
    /** Whether something signs with an algorithm now. */
    signs: (alg: Algorithm): boolean => view.keys().some((key) => key.alg === alg && key.sign !== undefined),
    /** Writes what was signed since the last time. */
    flushUses: uses.flush,
    /** Makes sure that an algorithm has a key before anything is declared to use it. */
    ensure: (alg: Algorithm) => ensure(own, alg),
    /** Every key with its state and what comes next. */
    async list(input: { readonly destroyed: boolean }) {
      await view.poll()
      await uses.flush()
      return shownRing(view.ring, await usesOf(own, view.ring), settings(), input)
    },
    /** Turns keys as soon as their successors have been published long enough. */
    async rotate(input: { readonly alg?: string | undefined; readonly dryRun: boolean }) {
      await view.poll()
      const plan = await rotate(own, { alg: input.alg, why: 'asked for', dryRun: input.dryRun })
      return shownPlan(view.ring, plan, { now: seconds(clock), done: !input.dryRun })
    },
    /** Drops keys at once, or says what that would do. */
    async drop(input: DropOrder) {
      await view.poll()
      await uses.flush()
      const { why, dryRun, kid } = input
      if (kid !== undefined && keyOf(own, kid).state === 'destroyed') throw refuse('key_gone', { kid })
      const slots = kid === undefined ? named(own, input.alg) : [keyOf(own, kid).slot]
      const lost = await drop(own, { slots, why, dryRun, ...(kid === undefined ? {} : { kid }) })
      return whatVerifiersSee(lost, { now: seconds(clock), done: !dryRun })
    },
    async retire(kid: string, input: { readonly force: boolean; readonly dryRun: boolean }) {
      await view.poll()
      const use = await retire(own, kid, input)
      return { kid, retired: !input.dryRun, signed_until: use.signedUntil, verifies: 'only id_token_hint, here' }
    },
    async destroy(kid: string, input: { readonly dryRun: boolean }) {
      await view.poll()
      const use = await destroy(own, kid, input)
      return { kid, destroyed: !input.dryRun, signatures: use.signatures }
    },
  }
}

export type Keyring = Awaited<ReturnType<typeof openKeyring>>
