/** The generator's process: plays one order after another. What a work has prepared for a port (families, tokens) it keeps. */

import { work } from '../works/index.ts'
import { runClosed } from './closed.ts'
import { runOpen } from './open.ts'
import type { Player } from './player.ts'
import type { Loaded, LoadOrder, Reply } from './protocol.ts'

const prepared = new Map<string, readonly Player[]>()

const keyOf = ({ port, work: name, connections }: LoadOrder): string => `${port} ${name} ${connections}`

/** Takes what stands ready out; it is put back only when all went well: a player that missed an answer no longer knows its own token. */
function takeReady(order: LoadOrder): readonly Player[] | undefined {
  const key = keyOf(order)
  const players = prepared.get(key)
  prepared.delete(key)
  return players
}

async function play(order: LoadOrder): Promise<Loaded> {
  const { port, seconds, units, rate } = order
  const ready = takeReady(order)
  const players = ready ?? (await work(order.work).prepare(order, order.connections))
  const isFresh = ready === undefined
  if (order.prepareOnly) {
    prepared.set(keyOf(order), players)
    return { units: 0, latencies: new Float64Array(0), seconds: 0, late: 0, generatorShare: 0, isFresh }
  }
  const before = process.cpuUsage()
  const began = performance.now()
  const sample = await (rate === undefined
    ? runClosed(port, players, { seconds, units })
    : runOpen(port, players, { seconds, rate }))
  const { user, system } = process.cpuUsage(before)
  if (sample.late === 0) prepared.set(keyOf(order), players)
  return { ...sample, isFresh, generatorShare: (user + system) / 1000 / (performance.now() - began) }
}

process.on('message', (order: LoadOrder) => {
  void play(order)
    .then(
      (loaded): Reply => ({ loaded }),
      (cause: unknown): Reply => ({
        failed: cause instanceof Error ? (cause.stack ?? cause.message) : String(cause),
      }),
    )
    .then((reply) => process.send?.(reply))
})
process.on('disconnect', () => process.exit(0))
