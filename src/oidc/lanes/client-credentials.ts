/** The client credentials grant (RFC 6749, 4.4) with a secret, for no API or one declared API: opaque tokens and JWTs. */

import { randomText, seconds } from '../../base/index.ts'
import type { ApiRecord, Clients } from '../../clients/index.ts'
import { artefacts, type Payload } from '../records.ts'
import { accessTokenSeconds } from '../resources.ts'
import type { Work } from '../work.ts'
import type { Caller } from './callers.ts'
import { type IssueDeps, JTI_BYTES } from './issue.ts'
import { type PlainForm, plainScopes } from './request.ts'

/** What it uses. */
export interface ClientCredentialsDeps extends IssueDeps {
  readonly clients: Pick<Clients, 'api' | 'apis'>
  /** Scopes that need no API. */
  readonly statics: readonly string[]
}

/** Its parameters. */
export const CLIENT_CREDENTIALS_FORM = ['grant_type', 'client_id', 'client_secret', 'scope', 'resource'] as const

/** What a token is for: no API (null) or one; undefined where the library must say. */
async function targetOf(
  deps: ClientCredentialsDeps,
  { resource }: PlainForm,
  scopes: readonly string[],
): Promise<ApiRecord | null | undefined> {
  if (resource !== undefined)
    return resource.includes('#') || !URL.canParse(resource) ? undefined : deps.clients.api(resource)
  const own = scopes.filter((scope) => !deps.statics.includes(scope))
  if (own.length === 0 || scopes.includes('openid')) return null
  const fitting = (await deps.clients.apis()).filter((api) => own.every((scope) => Object.hasOwn(api.scopes, scope)))
  return fitting.length === 1 ? fitting[0] : undefined
}

/** Of the scopes that are asked for, those that the client is registered for at the API. */
function grantedAt(api: ApiRecord, { record }: Caller, scopes: readonly string[]): string | undefined {
  const { scope } = record.metadata
  const listed = typeof scope === 'string' ? scope.split(' ') : []
  return scopes.filter((one) => Object.hasOwn(api.scopes, one) && listed.includes(one)).join(' ') || undefined
}

/** Makes the grant. It stages in the work's unit, and resolves to the answer's members; undefined where the library must answer. */
export function createClientCredentials(deps: ClientCredentialsDeps) {
  const { records, seal, clock, random, signer, lifetimes, statics } = deps

  /** Scopes without an API that this client may not ask for are the library's to refuse. */
  const isAllowed = ({ client }: Caller, scopes: readonly string[]): boolean => {
    const listed = client.scope?.split(' ')
    return !listed || scopes.every((scope) => !statics.includes(scope) || listed.includes(scope))
  }

  return async ({ unit }: Pick<Work, 'unit'>, caller: Caller, form: PlainForm): Promise<Payload | undefined> => {
    const scopes = plainScopes(form.scope)
    if (!scopes || !caller.client.grantTypeAllowed('client_credentials') || !isAllowed(caller, scopes)) return undefined
    const api = await targetOf(deps, form, scopes)
    if (api === undefined || (api?.accessToken === 'jwt' && !signer.signs(api.algorithm))) return undefined
    const { clientId } = caller.record
    const scope = api ? grantedAt(api, caller, scopes) : scopes.join(' ') || undefined
    const isJwt = api?.accessToken === 'jwt'
    const [iat, lifetime] = [seconds(clock), accessTokenSeconds(api, lifetimes)]
    const times = { iat, exp: iat + lifetime }
    unit.note('token.issued', { client_id: clientId, grant_type: 'client_credentials' })
    const answer = (token: string) => ({ access_token: token, expires_in: lifetime, scope, token_type: 'Bearer' })
    if (isJwt) {
      const jti = randomText(random, JTI_BYTES)
      const claims = { jti, sub: clientId, ...times, scope, client_id: clientId, iss: deps.issuer, aud: api.id }
      return answer(await signer.sign(api.algorithm, claims, 'at+jwt'))
    }
    const text = seal.mint('cc')
    const payload = { ...times, jti: text, kind: 'ClientCredentials', clientId, aud: api?.id, scope }
    const id = records.id('ClientCredentials', text)
    unit.insert(artefacts.name, records.document('ClientCredentials', id, payload))
    return answer(text)
  }
}
