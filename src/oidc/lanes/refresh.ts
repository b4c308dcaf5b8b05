/**
 * The refresh grant (RFC 6749, 6) in a lane: the head of a living family, bound to nothing, that the policies rotate or keep. A repeat, a
 * replay, a family that is held and whatever the policies refuse are the library's; what they have decided goes along.
 */

import { type Accounts, claimsOf } from '../../accounts/index.ts'
import { seconds } from '../../base/index.ts'
import type { ApiRecord, Clients } from '../../clients/index.ts'
import { refreshSeconds } from '../configuration.ts'
import type { Families } from '../family.ts'
import type { Payload } from '../records.ts'
import type { DecideRefresh } from '../refresh-decision.ts'
import type { Work } from '../work.ts'
import type { Caller } from './callers.ts'
import { type GrantDeps, grantedOidc, isRecord, liveGrant, words } from './grant.ts'
import {
  chainOf,
  type IssueDeps,
  isIssuable,
  issueAccessToken,
  issueIdToken,
  type Standing,
  type Target,
} from './issue.ts'
import { type PlainForm, plainScopes } from './request.ts'

/** What it uses. */
export interface RefreshLaneDeps extends IssueDeps, GrantDeps {
  readonly families: Families
  readonly decision: DecideRefresh
  readonly accounts: Pick<Accounts, 'find' | 'stands'>
  readonly clients: Pick<Clients, 'api'>
  /** Scopes that need no API. */
  readonly statics: readonly string[]
}

/** Its parameters. */
export const REFRESH_FORM = ['grant_type', 'client_id', 'client_secret', 'refresh_token', 'scope', 'resource'] as const

/** Of a refresh token: nothing that binds it, asks for claims, or ends with the session. */
const NOT_PLAIN = ['jkt', 'x5t#S256', 'attestationJkt', 'claims', 'rar', 'expiresWithSession', 'consumed'] as const

/** The API that a refresh is for: none (null), one, or what the library must say (undefined). */
async function apiOf(
  { clients }: RefreshLaneDeps,
  asked: string | undefined,
  { resource, scopes }: { readonly resource: unknown; readonly scopes: readonly string[] },
): Promise<ApiRecord | null | undefined> {
  const had = (Array.isArray(resource) ? resource : [resource]).filter((one) => typeof one === 'string')
  // With `openid`, and no API asked for, the access token is for userinfo.
  const usual = scopes.includes('openid') ? undefined : had[0]
  if (asked === undefined && usual !== undefined && Array.isArray(resource)) return undefined
  const id = asked ?? usual
  if (id === undefined) return null
  return had.includes(id) ? clients.api(id) : undefined
}

/** What the access token may do: of the scopes that are asked for, those that the Grant carries and the API knows for this client. */
function targetOf(
  { statics }: RefreshLaneDeps,
  { record }: Caller,
  input: { readonly api: ApiRecord | null; readonly grant: Payload; readonly scopes: readonly string[] },
): Target {
  const { api, grant, scopes } = input
  const { resources } = grant
  if (!api) return { api: undefined, scopes: grantedOidc(grant, scopes) }
  const listed = words(record.metadata.scope)
  const isListed = listed.some((scope) => !statics.includes(scope))
  const known = Object.keys(api.scopes).filter((scope) => !isListed || listed.includes(scope))
  const there = words(isRecord(resources) ? resources[api.id] : undefined)
  return { api, scopes: there.filter((scope) => scopes.includes(scope) && known.includes(scope)) }
}

/** The successor's payload. */
function successor({ clock, lifetimes }: RefreshLaneDeps, work: Work, token: Payload, text: string): Payload {
  const now = seconds(clock)
  const { jti: _jti, iat: _iat, exp: _exp, kind, rotations, gty, iiat, ...same } = token
  const first = typeof iiat === 'number' ? iiat : now
  const lifetime = refreshSeconds(lifetimes, { iiat: first }, { now, verdict: work.verdict })
  const turned = typeof rotations === 'number' ? rotations + 1 : 1
  return { ...same, iat: now, exp: now + lifetime, jti: text, kind, iiat: first, gty: chainOf(gty), rotations: turned }
}

/** A refresh whose every condition but the policies' holds. */
interface Ready {
  readonly token: Payload
  readonly target: Target
  readonly standing: Standing
}

/** All that the library checks before it asks the policies; undefined where one does not hold or is not plain. */
async function ready(deps: RefreshLaneDeps, work: Work, caller: Caller, form: PlainForm): Promise<Ready | undefined> {
  const { client } = caller
  if (!client.grantTypeAllowed('refresh_token')) return undefined
  const asked = plainScopes(form.scope)
  const token = asked && (await deps.families.find(work, form.refresh_token ?? ''))
  const { presented } = work
  if (!token || presented?.standing !== 'head' || presented.doc.state !== 'live') return undefined
  const isTheirs = token.clientId === client.clientId && Number(token.exp) > seconds(deps.clock)
  if (!isTheirs || NOT_PLAIN.some((name) => Boolean(token[name]))) return undefined
  const own = words(token.scope)
  const scopes = asked.length > 0 ? asked : own
  const grant = await liveGrant(deps, work.unit, token)
  // What was taken back of it is the library's to subtract.
  if (!grant || grant.rejected !== undefined || !scopes.every((scope) => own.includes(scope))) return undefined
  const api = await apiOf(deps, form.resource, { resource: token.resource, scopes })
  if (api === undefined) return undefined
  const target = targetOf(deps, caller, { api, grant, scopes })
  if (!isIssuable(deps, client, target, scopes.includes('openid'))) return undefined
  const person = await personOf(deps, String(token.accountId), { tellsAll: api !== null && scopes.includes('openid') })
  return (
    person && {
      token,
      target,
      standing: { client, person, source: token, scopes, oidcScopes: grantedOidc(grant, scopes) },
    }
  )
}

/** What an ID token may say of the account, which must stand. Beside an access token for userinfo that is its subject alone. */
async function personOf(
  { accounts }: RefreshLaneDeps,
  sub: string,
  { tellsAll }: { readonly tellsAll: boolean },
): Promise<Standing['person'] | undefined> {
  if (!tellsAll) return (await accounts.stands(sub)) ? { sub } : undefined
  const account = await accounts.find(sub)
  return account && claimsOf(account)
}

/** Whether the policies say no more than that it rotates or stays, with every scope that it has. */
const isPlainVerdict = ({ verdict }: Work): boolean =>
  (verdict?.do === 'rotate' || verdict?.do === 'keep') && verdict.scopes === undefined

/** Makes the grant. It stages in the work's unit, and resolves to the answer's members; undefined where the library must answer. */
export function createRefreshLane(deps: RefreshLaneDeps) {
  const { families, decision, seal, clock } = deps

  /** The refresh token of the answer, with what it changes staged. */
  async function turned(
    work: Work,
    { token, standing }: Ready,
    text: string,
  ): Promise<{ text: string; source: Payload }> {
    if (work.verdict?.do === 'keep') {
      families.keep(work)
      return { text, source: token }
    }
    const next = seal.mint('rt', work.family?.text)
    const source = successor(deps, work, standing.source, next)
    await families.put(work, next, source)
    return { text: next, source }
  }

  return async (work: Work, caller: Caller, form: PlainForm): Promise<Payload | undefined> => {
    const found = await ready(deps, work, caller, form)
    const { refresh_token: text = '', scope = null, resource = null } = form
    if (!found) return undefined
    const { client, record } = caller
    const who = { id: client.clientId, public: client.clientAuthMethod === 'none' }
    // Of a family's body, as `find` gives it: a refresh token's own members.
    const facts = { ...found.token, scopes: words(found.token.scope) }
    await decision.decide(work, { token: facts, client: who, record })
    if (!isPlainVerdict(work)) {
      decision.hand(work)
      return undefined
    }
    const refreshed = await turned(work, found, text)
    const standing = { ...found.standing, source: refreshed.source }
    const access = await issueAccessToken(deps, work, standing, found.target)
    const idToken = standing.scopes.includes('openid')
      ? { id_token: await issueIdToken(deps, standing, found.target) }
      : {}
    const scopes = found.target.scopes.join(' ')
    work.unit.note('token.issued', {
      client_id: client.clientId,
      account: standing.person.sub,
      grant_type: 'refresh_token',
      family: work.family?.id,
    })
    const answer = {
      access_token: access.text,
      expires_in: access.lifetime,
      ...idToken,
      refresh_token: refreshed.text,
      ...(refreshed.source.scope || scopes ? { scope: scopes } : {}),
      token_type: 'Bearer',
    }
    if (refreshed.text !== text)
      families.keepReceipt(work, { body: answer, at: seconds(clock), for: { scope, resource, binding: null } })
    return answer
  }
}
