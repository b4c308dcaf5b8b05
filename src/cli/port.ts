/** The port that requests come in by: taken, served, let go of. What `serve` and each worker do with it. */

import type { Server } from 'node:http'
import { createServer } from 'node:net'
import { type App, listen } from '../app.ts'
import { BadConfiguration } from '../config/index.ts'

const DRAIN_MS = 10_000

/** A free port, where PORT is 0: the issuer must be known before anything listens. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, host, () => {
      const address = probe.address()
      probe.close(() => (typeof address === 'object' && address ? resolve(address.port) : reject(new Error('no port'))))
    })
  })
}

/** Listens; in a worker, at the primary's socket. Throws `BadConfiguration` where the address can't be had. */
export function openPort(app: App, at: { readonly port: number; readonly host: string }): Promise<Server> {
  return listen(app.handler, at).catch((cause: NodeJS.ErrnoException) => {
    throw new BadConfiguration(
      `${at.host} port ${at.port} can't be listened on (${cause.code ?? cause.message}); set PORT or HOST`,
      { cause },
    )
  })
}

/** Takes no new connection, finishes what runs, and breaks off what takes longer than ten seconds. */
export async function drained(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const late = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(late)
}
