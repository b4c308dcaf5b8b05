/** One kept-alive connection to a server: behind one port, a connection is served by one worker. */

import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import type { Answer } from './browser.ts'
import type { Process } from './process.ts'

/** A connection of its own. */
export interface Connection {
  /** POSTs a form with Basic authentication. Rejects when the connection breaks. */
  post(path: string, form: Readonly<Record<string, string>>, client: readonly [string, string]): Promise<Answer>
  /** Sends the head; resolves when the server has it, to what sends the body and gives the status. */
  begin(
    path: string,
    form: Readonly<Record<string, string>>,
    client: readonly [string, string],
  ): Promise<() => Promise<number>>
  /** Process id of the worker that answered last. */
  worker(): Promise<number>
  close(): void
}

function read(answer: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    answer.setEncoding('utf8')
    answer.on('data', (chunk: string) => {
      text += chunk
    })
    answer.on('end', () => resolve(text))
    answer.on('error', reject)
  })
}

/** Opens a connection with its first request. */
export function connection(server: Process): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let last = ''
  const prepared = (
    path: string,
    form: Readonly<Record<string, string>>,
    [id, secret]: readonly [string, string],
    more: Readonly<Record<string, string>> = {},
  ): { readonly body: string; readonly sent: ReturnType<typeof request> } => {
    const body = new URLSearchParams(form).toString()
    const sent = request(new URL(path, server.address), {
      method: 'POST',
      agent,
      headers: {
        authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString('base64')}`,
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': Buffer.byteLength(body),
        ...more,
      },
    })
    return { body, sent }
  }
  const answered = (sent: ReturnType<typeof request>): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      sent.once('response', resolve)
      sent.once('error', reject)
    })
  return {
    async post(path, form, client) {
      const { body, sent } = prepared(path, form, client)
      sent.end(body)
      const answer = await answered(sent)
      last = String(answer.headers['x-request-id'])
      const parsed: unknown = JSON.parse((await read(answer)) || '{}')
      const fields = typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
      for (const value of Object.values(fields)) if (typeof value === 'string') server.keepSecret(value)
      return { status: answer.statusCode ?? 0, body: fields, headers: new Headers() }
    },
    async begin(path, form, client) {
      const { body, sent } = prepared(path, form, client, { expect: '100-continue' })
      const answer = answered(sent)
      sent.flushHeaders()
      await once(sent, 'continue')
      return async () => {
        sent.end(body)
        const got = await answer
        await read(got)
        return got.statusCode ?? 0
      }
    },
    async worker() {
      const [, pid] = await server.logged(new RegExp(`"worker":(\\d+),"request":"${last}"`))
      return Number(pid)
    },
    close: () => agent.destroy(),
  }
}
