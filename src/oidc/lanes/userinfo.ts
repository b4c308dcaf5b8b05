/** Userinfo (OpenID Connect Core, 5.3) in a lane: a live opaque access token with `openid`, bound to nothing, brought in the header. */

import type { IncomingHttpHeaders } from 'node:http'
import type { Client } from 'oidc-provider'
import { type Accounts, claimsOf } from '../../accounts/index.ts'
import { claimsFor } from '../claims.ts'
import type { UnitOf } from '../commit.ts'
import type { Kind } from '../records.ts'
import type { Callers } from './callers.ts'
import { grantedOidc, words } from './grant.ts'
import type { LivePayload } from './live-token.ts'
import { headersOf, type LaneAnswer } from './request.ts'

/** What it uses. */
export interface UserinfoLaneDeps {
  readonly unitOf: UnitOf
  readonly accounts: Pick<Accounts, 'find'>
  readonly callers: Pick<Callers, 'client'>
  readonly livePayload: LivePayload
  readonly wellFormed: (kind: Kind, text: string) => boolean
}

const HEADERS = headersOf('DPoP-Nonce,WWW-Authenticate')

/** Of the token: what binds it, narrows it to an API or asks for single claims. */
const NOT_PLAIN = ['jkt', 'x5t#S256', 'aud', 'claims', 'rar'] as const

/** Signed, encrypted and pairwise answers are the library's. */
function isPlainClient(client: Client): boolean {
  return client.subjectType !== 'pairwise' && !client.userinfoSignedResponseAlg && !client.userinfoEncryptedResponseAlg
}

/** Makes the lane: of a GET's head to its answer. */
export function createUserinfoLane(deps: UserinfoLaneDeps) {
  return async (headers: IncomingHttpHeaders, requestId: string): Promise<LaneAnswer | undefined> => {
    const [, text] = /^Bearer (mm_at_[\w-]+)$/.exec(headers.authorization ?? '') ?? []
    if (text === undefined || headers['content-type'] !== undefined || !deps.wellFormed('AccessToken', text))
      return undefined
    const live = await deps.livePayload(deps.unitOf(requestId), 'AccessToken', text)
    if (!live?.grant || NOT_PLAIN.some((name) => live.payload[name] !== undefined)) return undefined
    const { payload, grant } = live
    const scopes = words(payload.scope)
    if (!scopes.includes('openid') || grant.rejected !== undefined) return undefined
    const client = await deps.callers.client(String(payload.clientId))
    const account = await deps.accounts.find(String(payload.accountId))
    if (!client || !account || !isPlainClient(client)) return undefined
    const body = claimsFor(grantedOidc(grant, scopes), { ...claimsOf(account), sub: account.sub })
    return { body: JSON.stringify(body), headers: HEADERS }
  }
}
