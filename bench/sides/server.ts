/** One side of the bench, in a process of its own so that its CPU and its memory are its own. Its order is the first argument. */

import type { Running, SideOrder, Usage } from './protocol.ts'

/** Each is imported only where it serves: a yardstick's memory must not hold Mintmark's code. */
async function start(order: SideOrder): Promise<Running> {
  switch (order.side) {
    case 'mintmark':
      return (await import('./mintmark.ts')).startMintmark(order)
    case 'stock':
      return (await import('./stock.ts')).startStock(order)
    case 'bare':
      return (await import('./bare.ts')).startBare(order)
    default:
      return order.side satisfies never
  }
}

const secondsOf = ({ user, system }: NodeJS.CpuUsage): number => (user + system) / 1e6

function usage(): Usage {
  const [cpuSeconds, mainSeconds] = [secondsOf(process.cpuUsage()), secondsOf(process.threadCpuUsage())]
  return { cpuSeconds, mainSeconds, rssBytes: process.memoryUsage.rss() }
}

// Written by `startSide`, from a SideOrder.
const running = await start(JSON.parse(process.argv[2] ?? '{}') as SideOrder)
process.on('message', (message) => {
  if (message === 'usage') process.send?.(usage())
  if (message === 'stop') void running.stop().then(() => process.exit(0))
})
// Whoever started it is gone: nobody else would end it.
process.on('disconnect', () => process.exit(1))
process.send?.({ ready: true, apiTokens: running.apiTokens })
