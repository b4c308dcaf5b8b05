/** Players of one request whose bytes are known before: the same every time, or one of a few in turn. */

import type { Answer } from '../generator/answer.ts'
import { memberOf } from '../generator/answer.ts'
import { type Player, playOnce } from '../generator/player.ts'
import { get, postAsClient } from '../generator/request.ts'
import { API } from '../sides/shared.ts'
import type { Target } from './work.ts'

const JWT_FORM = { grant_type: 'client_credentials', resource: API, scope: 'read' }
const OPAQUE_FORM = { grant_type: 'client_credentials' }
const TOKENS = 64
const ACTIVE = Buffer.from('"active":true')

function refuse({ status, body }: Answer): never {
  throw new Error(`answered ${status} ${body.toString('latin1').slice(0, 200)}`)
}

function succeeded(answer: Answer): undefined {
  if (answer.status !== 200) refuse(answer)
}

/** Introspection answers 200 for a token that it knows nothing of: that would be another work. */
function active(answer: Answer): undefined {
  if (answer.status !== 200 || !answer.body.includes(ACTIVE)) refuse(answer)
}

/** Players that send the requests in turn, each beginning with another. */
function players(count: number, requests: readonly Buffer[], take: (answer: Answer) => undefined): readonly Player[] {
  return Array.from({ length: count }, (_, n) => {
    let next = n
    const begin = (): Buffer => requests[next++ % requests.length] ?? Buffer.alloc(0)
    return { begin, take }
  })
}

/** The access tokens that a request gets, when it is sent so many times. */
async function tokensOf(port: number, bytes: Buffer, count: number): Promise<readonly string[]> {
  const tokens: string[] = []
  const take = (answer: Answer): undefined => void tokens.push(memberOf(answer, 'access_token'))
  await playOnce(port, players(count, [bytes], take))
  return tokens
}

/** GETs of a path. */
export const reading = (path: string) => async (target: Target, count: number) =>
  players(count, [get(target.port, path)], succeeded)

/** Client credentials: an opaque token, or a JWT for the API. */
export const clientCredentials = (format: 'opaque' | 'jwt') => async (target: Target, count: number) =>
  players(count, [postAsClient(target.port, '/token', format === 'jwt' ? JWT_FORM : OPAQUE_FORM)], succeeded)

/** Introspection of live tokens of a kind in turn: one token alone would be known to every cache. */
export const introspection = (kind: 'opaque' | 'jwt' | 'api-token') => async (target: Target, count: number) => {
  const { port, apiTokens } = target
  const form = postAsClient(port, '/token', kind === 'jwt' ? JWT_FORM : OPAQUE_FORM)
  const tokens = target.tokens ?? (kind === 'api-token' ? apiTokens : await tokensOf(port, form, TOKENS))
  const requests = tokens.map((token) => postAsClient(port, '/token/introspection', { token }))
  return players(count, requests, active)
}
