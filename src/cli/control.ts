/**
 * The control socket: how the CLI speaks to a running server. A Unix socket (0600) in DATA_DIR; whoever may open it owns the
 * folder. One JSON line asks, one answers. Secrets travel here and in no argument list.
 */

import { chmodSync, existsSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { z } from 'zod'
import type { App } from '../app.ts'
import { commands } from './commands.ts'
import { isForPeople } from './open.ts'

const LINE_MAX = 1_000_000
const asked = z.object({
  command: z.string(),
  argument: z.string(),
  input: z.string(),
  values: z.record(z.string(), z.unknown()),
})
const answered = z.union([z.object({ result: z.unknown() }), z.object({ error: z.string() })])

/** One request over the socket. */
export type Asked = z.output<typeof asked>

/** Where the socket is. */
export const socketPath = (dataDir: string): string => join(dataDir, 'control.sock')

/** Runs a command; errors that people can mend become text, others are the caller's. */
export async function runCommand(
  app: App,
  request: Asked,
): Promise<{ readonly result: unknown } | { readonly error: string }> {
  try {
    const command = commands[request.command]
    if (!command) return { error: `there is no command ${request.command}` }
    return { result: (await command.run(app, request)) ?? null }
  } catch (cause) {
    if (cause instanceof z.ZodError)
      return {
        error: cause.issues
          .map(
            (issue) =>
              `${issue.path.length > 0 ? `--${issue.path.join('.').replaceAll('_', '-')}: ` : ''}${issue.message}`,
          )
          .join('\n'),
      }
    if (isForPeople(cause)) return { error: cause.message }
    throw cause
  }
}

/** Listens on the socket. A stale one, whose server is gone, is replaced: the store's own lock keeps two servers apart. */
export async function listenControl(app: App, dataDir: string, onError: (cause: unknown) => void): Promise<Server> {
  const path = socketPath(dataDir)
  if (existsSync(path)) rmSync(path)
  const server = createServer((socket) => {
    let text = ''
    socket.setEncoding('utf8')
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.length > LINE_MAX) return socket.destroy()
      const end = text.indexOf('\n')
      if (end === -1) return
      const line = text.slice(0, end)
      text = ''
      answer(app, line).then(
        (out) => socket.end(`${JSON.stringify(out)}\n`),
        (cause) => {
          onError(cause)
          socket.end(`${JSON.stringify({ error: 'the server failed; its log says why' })}\n`)
        },
      )
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return server
}

async function answer(app: App, line: string): Promise<object> {
  let json: unknown
  try {
    json = JSON.parse(line)
  } catch {
    return { error: 'not a request' }
  }
  const request = asked.safeParse(json)
  return request.success ? runCommand(app, request.data) : { error: 'not a request' }
}

/** Asks a running server; undefined when none listens. */
export function askServer(dataDir: string, request: Asked): Promise<z.output<typeof answered> | undefined> {
  const path = socketPath(dataDir)
  if (!existsSync(path)) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const socket = connect(path)
    let text = ''
    socket.setEncoding('utf8')
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('end', () => resolve(answered.parse(JSON.parse(text))))
    socket.on('error', (cause: NodeJS.ErrnoException) =>
      cause.code === 'ECONNREFUSED' || cause.code === 'ENOENT' ? resolve(undefined) : reject(cause),
    )
  })
}
