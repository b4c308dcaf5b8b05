/** How people sign in at the beginning, through the library's own pages, to every kind of client. */

import { Browser, pkce } from '../../../support/browser.ts'
import { REDIRECT } from '../../../support/world.ts'
import type { ClientPart } from './cast.ts'
import { ASSERTION_TYPE, assertion, PROOF_KEYS, proof } from './proofs.ts'

/** A sign-in that is wanted. */
export interface Wish {
  readonly client: string
  readonly scope: string
  /** Parameters of the authorization request beside the usual ones. */
  readonly more?: Readonly<Record<string, string>>
  readonly resources?: readonly string[]
  readonly bound?: 0 | 1
  readonly who?: { readonly login: string; readonly password: string }
}

/** Where it takes place. */
export interface Place {
  readonly issuer: string
  readonly keepSecret: () => void
}

export type Answer = Readonly<Record<string, unknown>>

/** Sends a form as a client does, with whatever its kind of client brings. Rejects where it is refused. */
export async function asClient(
  { issuer }: Place,
  client: ClientPart,
  path: string,
  form: readonly (readonly [string, string])[],
  bound?: 0 | 1,
): Promise<Answer> {
  const [secret = ''] = client.secrets
  const encoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1)
  const basic = Buffer.from(`${encoded(client.id)}:${encoded(secret)}`).toString('base64')
  const body = new URLSearchParams(form.map(([name, value]): [string, string] => [name, value]))
  if (client.method === 'none' || client.method === 'post') body.set('client_id', client.id)
  if (client.method === 'post') body.set('client_secret', secret)
  if (client.method === 'key') {
    body.set('client_assertion_type', ASSERTION_TYPE)
    body.set('client_assertion', assertion(client.id, issuer))
  }
  const url = issuer + path
  const send = async (nonce?: string): Promise<Response> =>
    fetch(url, {
      method: 'POST',
      body: new URLSearchParams(body),
      headers: {
        ...(client.method === 'basic' ? { authorization: `Basic ${basic}` } : {}),
        ...(bound === undefined ? {} : { dpop: proof({ key: PROOF_KEYS[bound], method: 'POST', url, nonce }) }),
      },
    })
  const first = await send()
  const nonce = first.headers.get('dpop-nonce')
  if (first.status === 400 && bound !== undefined && nonce && client.method === 'key')
    body.set('client_assertion', assertion(client.id, issuer))
  const answer = first.status === 400 && bound !== undefined && nonce ? await send(nonce) : first
  const parsed: unknown = await answer.json()
  if (!answer.ok) throw new Error(`${client.id} at ${path}: ${answer.status} ${JSON.stringify(parsed)}`)
  return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
}

/** Signs in and redeems the code; resolves to the token response. */
export async function signIn(place: Place, client: ClientPart, wish: Wish): Promise<Answer> {
  const { verifier, challenge } = pkce()
  const asked: Readonly<Record<string, string>> = {
    client_id: client.id,
    response_type: 'code',
    redirect_uri: REDIRECT,
    scope: wish.scope,
    prompt: 'consent',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 'st',
    ...(wish.scope.includes('openid') ? { nonce: 'the-nonce' } : {}),
    ...wish.more,
  }
  const resources = (wish.resources ?? []).map((resource): readonly [string, string] => ['resource', resource])
  // Always pushed: several resources are no record of texts.
  const { request_uri: uri } = await asClient(
    place,
    client,
    '/request',
    [...Object.entries(asked), ...resources],
    wish.bound,
  )
  const browser = new Browser(place)
  const url = await browser.authorize({ client_id: client.id, request_uri: String(uri) }, wish.who)
  const code = url.searchParams.get('code')
  if (!code) throw new Error(`${client.id}: ${url}`)
  const redeemed = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: REDIRECT }
  return asClient(place, client, '/token', Object.entries(redeemed), wish.bound)
}
