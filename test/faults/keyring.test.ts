/** A process that dies at any step of a key's life leaves a keyring that works at the next start. */

import assert from 'node:assert/strict'
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { Store } from '../../adapters/store.ts'
import type { Keyring } from '../../src/keys/index.ts'
import { openKeyringNode, PUBLISH_SECONDS, SESSION_SECONDS } from '../support/keyring-node.ts'
import { Killed, mortal } from '../support/mortal.ts'
import { HandClock, openTestStore, STORES } from '../support/world.ts'

const HALF_HOUR = PUBLISH_SECONDS
const SESSION = SESSION_SECONDS
const ALGORITHMS = ['ES256', 'EdDSA'] as const

const open = (store: Store, clock: HandClock) => openKeyringNode(store, clock, { algorithms: ALGORITHMS })

async function signed(keyring: Keyring, alg: string, exp: number): Promise<string> {
  const key = keyring.keys().find((one) => one.alg === alg && one.sign)
  if (!key?.sign) throw new Error(`nothing signs ${alg}`)
  const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const data = `${encode({ alg, kid: key.kid })}.${encode({ exp })}`
  return `${data}.${Buffer.from(await key.sign(Buffer.from(data))).toString('base64url')}`
}

/** The whole life of keys: made, published, asked for, promoted, retired, erased, dropped, destroyed. */
async function life(store: Store, clock: HandClock, told: { jwt?: string }): Promise<void> {
  const { seal, keyring } = await open(store, clock)
  const pass = async (seconds: number): Promise<void> => {
    clock.forward(seconds)
    await seal.refresh()
    await keyring.tick()
  }
  await keyring.tick()
  await signed(keyring, 'ES256', Math.floor(clock.now() / 1000) + 300)
  await pass(HALF_HOUR)
  await keyring.rotate({ dryRun: false })
  await keyring.flushUses()
  // Lives until after every later step but the drop: whatever happens, it must verify.
  told.jwt = await signed(keyring, 'EdDSA', Math.floor(clock.now() / 1000) + 400 * SESSION)
  await keyring.flushUses()
  await pass(2 * HALF_HOUR)
  await pass(SESSION + HALF_HOUR)
  await keyring.drop({ alg: 'ES256', why: 'drill', dryRun: false })
  await pass(31 * SESSION)
}

async function refuseFaults(store: Store, clock: HandClock, told: { jwt?: string }, where: string): Promise<void> {
  const { keyring } = await open(store, clock)
  const jwks = () => createLocalJWKSet(JSON.parse(keyring.jwks().body))
  const check = async (when: string): Promise<void> => {
    for (const alg of ALGORITHMS) {
      const currents = keyring.keys().filter((key) => key.alg === alg && key.state === 'current')
      assert.equal(currents.length, 1, `${where}, ${when}: one current ${alg} key`)
      const now = Math.floor(clock.now() / 1000)
      const jwt = await signed(keyring, alg, now + 300)
      await jwtVerify(jwt, jwks(), { currentDate: new Date(clock.now()) })
    }
    if (told.jwt) await jwtVerify(told.jwt, jwks(), { currentDate: new Date(clock.now()) })
    assert.ok(keyring.cookieSecrets().length >= 1, `${where}, ${when}: a cookie secret`)
  }
  await check('at the next start')
  await keyring.tick()
  await check('after its first tick')
  const states = (await keyring.list({ destroyed: false })).map(({ algorithm, state }) => `${algorithm} ${state}`)
  for (const alg of ALGORITHMS) assert.ok(states.includes(`${alg} next`), `${where}: a next ${alg} key`)
}

for (const kind of STORES) {
  for (const when of ['before', 'after'] as const) {
    it(`a process that dies ${when} any store call of a key's life leaves a working keyring on ${kind}`, async function () {
      this.timeout(180_000)
      // The emulator is slower: every third call there, all of them here.
      const step = kind === 'mongodb' ? 3 : 1
      let deaths = 0
      for (let at = 1; ; at += step) {
        const store = await openTestStore(kind)
        const clock = new HandClock()
        const told: { jwt?: string } = {}
        const process = mortal(store, { at, when })
        const died = await life(process.store, clock, told).then(
          () => false,
          (cause: unknown) => {
            // Some deaths come as the cause of what the room made of them.
            if (process.dead) return true
            throw cause
          },
        )
        assert.ok(died || !process.dead)
        await refuseFaults(store, clock, told, `killed ${when} call ${at}`)
        await store.close()
        if (!died) break
        deaths++
      }
      console.log(`${kind}: killed ${when} each of ${deaths} calls, 0 broken keyrings`)
      assert.ok(deaths > (kind === 'mongodb' ? 20 : 60), `${deaths} deaths`)
      assert.ok(new Killed() instanceof Error)
    })
  }
}
