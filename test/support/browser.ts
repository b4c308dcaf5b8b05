/** A browser without pictures: cookies by path, redirects by hand, forms by name. Real Chromium has tests of its own. */

import { createHash, randomBytes } from 'node:crypto'
import { CANARY, REDIRECT, type World } from './world.ts'

/** What the helpers here need of a server: in this process or in one of its own. */
export type Served = Pick<World, 'issuer' | 'keepSecret'>

interface Cookie {
  readonly name: string
  readonly value: string
  readonly path: string
}

/** An answer with its text read. */
export interface Page {
  readonly status: number
  readonly text: string
  readonly headers: Headers
  readonly url: string
}

/** One browser with its own cookies. */
export class Browser {
  readonly #world: Served
  #cookies: Cookie[] = []

  constructor(world: Served) {
    this.#world = world
  }

  get cookies(): readonly Cookie[] {
    return this.#cookies
  }

  /** A second browser with the same cookies, as a thief or another tab has them. */
  copy(): Browser {
    const other = new Browser(this.#world)
    other.#cookies = [...this.#cookies]
    return other
  }

  /** One request; no redirect is followed. */
  async request(
    path: string,
    init: {
      readonly form?: Readonly<Record<string, string>>
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ): Promise<Page> {
    const url = new URL(path, this.#world.issuer)
    const cookie = this.#cookies
      .filter((c) => url.pathname.startsWith(c.path))
      .map((c) => `${c.name}=${c.value}`)
      .join('; ')
    const headers = { accept: 'text/html', ...(cookie ? { cookie } : {}), ...init.headers }
    const answer = await fetch(url, {
      redirect: 'manual',
      headers,
      ...(init.form ? { method: 'POST', body: new URLSearchParams(init.form) } : {}),
    })
    for (const line of answer.headers.getSetCookie()) this.#take(line)
    return { status: answer.status, text: await answer.text(), headers: answer.headers, url: url.href }
  }

  #take(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    const path = attributes.find((a) => a.toLowerCase().startsWith('path='))?.slice(5) ?? '/'
    this.#cookies = this.#cookies.filter((c) => c.name !== name || c.path !== path)
    if (value && !/expires=thu, 01 jan 1970/i.test(line)) {
      this.#cookies.push({ name, value, path })
      this.#world.keepSecret(value)
    }
  }

  /** Follows redirects inside the server; stops at a page or at an address elsewhere. */
  async follow(path: string): Promise<Page> {
    let page = await this.request(path)
    for (let hop = 0; hop < 8; hop++) {
      const location = page.headers.get('location')
      if (page.status !== 303 || !location) return page
      const next = new URL(location, this.#world.issuer)
      if (next.origin !== this.#world.issuer) return { ...page, url: next.href }
      page = await this.request(next.href)
    }
    return page
  }

  /** Sends the form of a page with these values over its own. */
  async submit(page: Page, values: Readonly<Record<string, string>>): Promise<Page> {
    const action = /<form[^>]*action="([^"]+)"/.exec(page.text)?.[1] ?? new URL(page.url).pathname
    const hidden = Object.fromEntries(
      [...page.text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map((m) => [
        m[1] ?? '',
        m[2] ?? '',
      ]),
    )
    const answer = await this.request(action.replaceAll('&amp;', '&'), { form: { ...hidden, ...values } })
    const location = answer.headers.get('location')
    if (answer.status !== 303 || !location) return answer
    const next = new URL(location, this.#world.issuer)
    return next.origin === this.#world.issuer ? this.follow(next.href) : { ...answer, url: next.href }
  }

  /** From an authorization request through sign-in and consent to the answer's address. */
  async authorize(
    parameters: Readonly<Record<string, string>>,
    who: { readonly login: string; readonly password: string } = CANARY,
  ): Promise<URL> {
    let page = await this.follow(`/auth?${new URLSearchParams(parameters)}`)
    for (let step = 0; step < 4; step++) {
      if (new URL(page.url).origin !== this.#world.issuer) return new URL(page.url)
      if (page.text.includes('name="password"'))
        page = await this.submit(page, { login: who.login, password: who.password, do: 'sign-in' })
      else if (page.text.includes('value="allow"')) page = await this.submit(page, { do: 'allow' })
      else throw new Error(`neither sign-in nor consent: ${page.status} ${page.text.slice(0, 500)}`)
    }
    throw new Error('the sign-in did not end')
  }
}

/** A PKCE pair (RFC 7636, 4). */
export function pkce(): { readonly verifier: string; readonly challenge: string } {
  const verifier = randomBytes(32).toString('base64url')
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') }
}

/** A code for a client, with the verifier that redeems it. */
export async function codeFor(
  world: Served,
  browser: Browser,
  input: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: string; readonly verifier: string }> {
  const { verifier, challenge } = pkce()
  const answer = await browser.authorize({
    client_id: 'web',
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: 'openid profile offline_access',
    prompt: 'consent',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 'st',
    ...input,
  })
  const code = answer.searchParams.get('code') ?? ''
  if (!code) throw new Error(`no code: ${answer.searchParams}`)
  world.keepSecret(code, verifier)
  return { code, verifier }
}

/** An answer of an endpoint. */
export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Headers
}

/** POSTs a form, with Basic authentication where a secret is given. */
export async function post(
  world: Served,
  path: string,
  form: Readonly<Record<string, string>> | URLSearchParams,
  client?: readonly [id: string, secret: string],
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const authorization = client
    ? {
        authorization: `Basic ${Buffer.from(`${encodeURIComponent(client[0])}:${encodeURIComponent(client[1])}`).toString('base64')}`,
      }
    : {}
  const answer = await fetch(new URL(path, world.issuer), {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { ...authorization, ...headers },
  })
  const text = await answer.text()
  let body: Readonly<Record<string, unknown>> = {}
  try {
    const parsed: unknown = text ? JSON.parse(text) : {}
    body = typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
  } catch {
    body = { text }
  }
  world.keepSecret(
    ...['access_token', 'refresh_token', 'id_token', 'device_code', 'user_code'].map((name) =>
      typeof body[name] === 'string' ? body[name] : undefined,
    ),
  )
  return { status: answer.status, body, headers: answer.headers }
}

/** Redeems a code. */
export function redeem(
  world: Served,
  secret: string,
  { code, verifier }: { readonly code: string; readonly verifier: string },
): Promise<Answer> {
  return post(
    world,
    '/token',
    { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: verifier },
    ['web', secret],
  )
}

/** Uses a refresh token. */
export function refresh(
  world: Served,
  secret: string,
  token: string,
  more: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return post(world, '/token', { grant_type: 'refresh_token', refresh_token: token, ...more }, ['web', secret])
}

/** Whether a token is live at introspection, asked by its own client. */
export async function isActive(world: Served, secret: string, token: string): Promise<boolean> {
  const { body } = await post(world, '/token/introspection', { token }, ['web', secret])
  return body.active === true
}

/** A text field of an answer. */
export function text(answer: Answer, name: string): string {
  const value = answer.body[name]
  if (typeof value !== 'string') throw new Error(`no ${name} in ${answer.status} ${JSON.stringify(answer.body)}`)
  return value
}
