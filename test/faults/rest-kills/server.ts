/** A whole Mintmark in a process of its own, which waits for its store's place, serves, and ends itself where its parent says. */

import { AsyncLocalStorage } from 'node:async_hooks'
import type { RequestListener } from 'node:http'
import { flushCompileCache } from 'node:module'
import { openSqliteStore } from '../../../adapters/sqlite/index.ts'
import type { Store } from '../../../adapters/store.ts'
import { collections, listen } from '../../../src/app.ts'
import { systemClock } from '../../../src/base/index.ts'
import { appOver } from '../../support/app-over.ts'
import { seamOf } from '../../support/mongo-seam.ts'
import { CONFIGURATION, type Doom, die, type Said, type Told } from './doom.ts'
import { doomWriter } from './writer.ts'

/** Loaded ahead where it is needed, and only there: each start counts. */
const mongo = process.argv[2] === 'mongodb' ? await import('../../../adapters/mongo/index.ts') : undefined
let doom: Doom = { in: 'nothing' }
let calls: string[] = []
let writes = 0
/** What is done for a request, and not by the server's own timers: those alone are counted. */
const requests = new AsyncLocalStorage<true>()

function reached(where: 'store' | 'driver', n: number, when: 'before' | 'after'): void {
  if (doom.in === where && doom.at === n && doom.when === when) die()
}

/** The store, with every call counted. */
function counted(store: Store): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function' || name === 'close') return value
      return async (...given: readonly unknown[]) => {
        if (!requests.getStore()) return Reflect.apply(value, target, given)
        const n = calls.push(String(name))
        reached('store', n, 'before')
        const answer: unknown = await Reflect.apply(value, target, given)
        reached('store', n, 'after')
        return answer
      }
    },
  })
}

const seam = {
  before(): void {
    if (requests.getStore()) reached('driver', ++writes, 'before')
  },
  after(): void {
    if (requests.getStore()) reached('driver', writes, 'after')
  },
}

function take(next: Doom): void {
  doom = next
  doomWriter(next.in === 'writer' ? next.at + 1 : 0)
}

async function open({ place, issuer, port }: Extract<Told, { do: 'open' }>): Promise<void> {
  // Unproved: who made the store has proved its server.
  const store = mongo
    ? await mongo.openMongoStore({ uri: place, collections, seam: seamOf(seam), probe: false })
    : await openSqliteStore({ file: place, collections })
  const input = { issuer, clock: systemClock, configuration: CONFIGURATION, log: `doomed-${port}` }
  const { app } = await appOver(counted(store), input)
  const handler: RequestListener = (req, res) => {
    // Who has got through is spared, whatever comes later.
    res.once('finish', () => take({ in: 'nothing' }))
    requests.run(true, () => app.handler(req, res))
  }
  await listen(handler, { port, host: '127.0.0.1' })
  app.background.start()
}

// Who is killed writes no cache at its end.
flushCompileCache()
process.on('message', async (told: Told) => {
  const answer: Said = { calls, writes }
  switch (told.do) {
    case 'open':
      await open(told)
      break
    case 'doom':
      take(told.doom)
      calls = []
      writes = 0
      break
    case 'count':
      break
    default:
      told satisfies never
  }
  process.send?.(answer)
})
// Whoever started this one owns it.
process.on('disconnect', () => process.exit(1))
