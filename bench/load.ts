/** The load: a keep-alive client on loopback, and the requests of each scenario. */

import { createHash, randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { API, CLIENT, PASSWORD, PERSON, REDIRECT, SECRET } from './shared.ts'

const BASIC = `Basic ${Buffer.from(`${CLIENT}:${SECRET}`).toString('base64')}`

/** An answer as far as the bench looks at it. */
export interface Answer {
  readonly status: number
  readonly body: string
  readonly location: string
  readonly cookies: readonly string[]
}

/** One side's address with its connections. */
export class Target {
  readonly port: number
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 })

  constructor(port: number) {
    this.port = port
  }

  send(
    path: string,
    form?: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const body = form && new URLSearchParams(form).toString()
    const all = {
      ...(body === undefined
        ? {}
        : { 'content-type': 'application/x-www-form-urlencoded', 'content-length': String(Buffer.byteLength(body)) }),
      ...headers,
    }
    return new Promise((done, fail) => {
      const sent = request(
        {
          agent: this.#agent,
          host: '127.0.0.1',
          port: this.port,
          path,
          method: body === undefined ? 'GET' : 'POST',
          headers: { host: `localhost:${this.port}`, ...all },
        },
        (res) => {
          let text = ''
          res.setEncoding('utf8')
          res.on('data', (chunk: string) => {
            text += chunk
          })
          res.on('end', () =>
            done({
              status: res.statusCode ?? 0,
              body: text,
              location: res.headers.location ?? '',
              cookies: res.headers['set-cookie'] ?? [],
            }),
          )
        },
      )
      sent.on('error', fail)
      sent.end(body)
    })
  }

  close(): void {
    this.#agent.destroy()
  }
}

const api = (target: Target, path: string, form: Readonly<Record<string, string>>): Promise<Answer> =>
  target.send(path, form, { authorization: BASIC })

function field(answer: Answer, name: string): string {
  const parsed: Readonly<Record<string, unknown>> = JSON.parse(answer.body)
  const value = parsed[name]
  if (answer.status !== 200 || typeof value !== 'string')
    throw new Error(`no ${name} in ${answer.status} ${answer.body.slice(0, 200)}`)
  return value
}

/** A refresh token of a family of its own, by a whole sign-in. */
async function family(target: Target): Promise<string> {
  const verifier = randomBytes(32).toString('base64url')
  const challenge = createHash('sha256').update(verifier).digest('base64url')
  const jar = new Map<string, string>()
  const asked = new URLSearchParams({
    client_id: CLIENT,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: 'openid offline_access',
    prompt: 'consent',
    code_challenge: challenge,
    code_challenge_method: 'S256',
  })
  let path = `/auth?${asked}`
  let form: Readonly<Record<string, string>> | undefined
  for (let step = 0; step < 12; step++) {
    const answer = await target.send(path, form, {
      cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
      accept: 'text/html',
    })
    form = undefined
    for (const line of answer.cookies) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=')
      jar.set(name, value)
    }
    if (answer.location.startsWith(REDIRECT)) {
      const code = new URL(answer.location).searchParams.get('code') ?? ''
      return field(
        await api(target, '/token', {
          grant_type: 'authorization_code',
          code,
          redirect_uri: REDIRECT,
          code_verifier: verifier,
        }),
        'refresh_token',
      )
    }
    if (answer.location) {
      const next = new URL(answer.location, `http://localhost:${target.port}`)
      path = next.pathname + next.search
    } else {
      const csrf = /name="csrf" value="([^"]+)"/.exec(answer.body)?.[1] ?? ''
      form = answer.body.includes('name="password"')
        ? { csrf, login: PERSON, password: PASSWORD, do: 'sign-in' }
        : { csrf, do: 'allow' }
    }
  }
  throw new Error('the sign-in did not end')
}

/** A scenario: prepares once a worker, then yields one request after another. */
export interface Scenario {
  readonly name: string
  prepare(target: Target): Promise<() => Promise<Answer>>
}

export const scenarios: readonly Scenario[] = [
  {
    name: 'client credentials, opaque',
    prepare: async (target) => () => api(target, '/token', { grant_type: 'client_credentials' }),
  },
  {
    name: 'client credentials, ES256 JWT',
    prepare: async (target) => () =>
      api(target, '/token', { grant_type: 'client_credentials', resource: API, scope: 'read' }),
  },
  {
    name: 'refresh with rotation',
    async prepare(target) {
      let token = await family(target)
      return async () => {
        const answer = await api(target, '/token', { grant_type: 'refresh_token', refresh_token: token })
        token = field(answer, 'refresh_token')
        return answer
      }
    },
  },
  {
    name: 'introspection, opaque',
    async prepare(target) {
      const token = field(await api(target, '/token', { grant_type: 'client_credentials' }), 'access_token')
      return () => api(target, '/token/introspection', { token })
    },
  },
  { name: 'JWKS', prepare: async (target) => () => target.send('/jwks') },
]
