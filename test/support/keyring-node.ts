/** A node with a keyring and no more: over any store, on a clock that a test moves by hand. */

import type { Store } from '../../adapters/store.ts'
import { systemRandom as random, Unit } from '../../src/base/index.ts'
import { createSoftwareSigners, openKeyring, type Signers, signingKeyNorm } from '../../src/keys/index.ts'
import { createEngine } from '../../src/rotation/index.ts'
import { createSeal, fixedMasters } from '../../src/seal/index.ts'
import { createLogger } from '../../src/telemetry/index.ts'
import { type HandClock, masterOf } from './world.ts'

/** How long a key is published before it signs, and how long a session lives. Keys turn after thirty of these. Seconds. */
export const PUBLISH_SECONDS = 1800
export const SESSION_SECONDS = 86_400

/** Opens it. */
export async function openKeyringNode(
  store: Store,
  clock: HandClock,
  input: {
    readonly algorithms: Awaited<ReturnType<Parameters<typeof openKeyring>[0]['algorithms']>>
    readonly signers?: readonly [Signers, ...Signers[]]
  },
) {
  const seal = await createSeal({ store, clock, random, masters: fixedMasters(masterOf(5)) })
  const engine = createEngine({
    rules: [],
    norm: signingKeyNorm,
    stopwatch: () => performance.now(),
    after: () => () => {},
    report: () => {},
  })
  const keyring = await openKeyring({
    store,
    seal,
    clock,
    random,
    logger: createLogger({ level: 'silent' }),
    signers: input.signers ?? [createSoftwareSigners()],
    unit: () => new Unit({ store, cid: random.bytes(9).toString('hex'), request: 'test' }),
    commit: (unit) => store.commit(unit.writes('all')),
    algorithms: async () => input.algorithms,
    settings: () => ({
      rotateAfterSeconds: 30 * SESSION_SECONDS,
      cookieRotateAfterSeconds: 30 * SESSION_SECONDS,
      publishSeconds: PUBLISH_SECONDS,
      sessionSeconds: SESSION_SECONDS,
    }),
    decide: (facts) => engine.decide(facts),
  })
  return { seal, keyring }
}
