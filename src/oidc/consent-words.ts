/** Scopes in words, for the consent page. */

import type { Clients } from '../clients/index.ts'
import type { ScopeGroup } from '../http/index.ts'

const WORDS: Readonly<Record<string, string>> = {
  openid: 'Know that it is you',
  profile: 'See your name and profile',
  email: 'See your e-mail address',
  phone: 'See your phone number',
  address: 'See your postal address',
}

const strings = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((v): v is string => typeof v === 'string') : []

const words = (value: unknown): readonly string[] => (typeof value === 'string' ? value.split(' ').filter(Boolean) : [])
const listed = (value: unknown): readonly string[] => (typeof value === 'string' ? [value] : strings(value))

/** The scopes of one API that a request asks for, in the API's words. */
async function apiGroup(
  id: string,
  asked: readonly string[],
  clients: Pick<Clients, 'api'>,
): Promise<ScopeGroup | undefined> {
  const api = await clients.api(id)
  const scopes = asked.filter((scope) => api && Object.hasOwn(api.scopes, scope))
  if (!api || scopes.length === 0) return undefined
  return {
    title: api.name ?? id,
    audience: id,
    scopes: scopes.map((scope) => ({ scope, words: api.scopes[scope] ?? scope })),
  }
}

/**
 * What a request asks for, grouped by whom it concerns. All of it, not only what was not granted before: whoever is asked
 * again must see what the answer means.
 */
export async function consentGroups(
  asked: { readonly scope?: unknown; readonly resource?: unknown },
  details: Readonly<Record<string, unknown>>,
  input: { readonly clients: Pick<Clients, 'api'>; readonly statics: readonly string[] },
): Promise<readonly ScopeGroup[]> {
  const scopes = words(asked.scope)
  const own = scopes.filter((scope) => input.statics.includes(scope) && scope !== 'offline_access')
  const claims = strings(details.missingOIDCClaims).filter((claim) => claim !== 'sub')
  const about = [
    ...own.map((scope) => ({ scope, words: WORDS[scope] ?? scope })),
    ...claims.map((claim) => ({ scope: claim, words: `See: ${claim.replaceAll('_', ' ')}` })),
  ]
  const apis = await Promise.all(listed(asked.resource).map((id) => apiGroup(id, scopes, input.clients)))
  return [
    ...(about.length > 0 ? [{ title: 'About you', scopes: about }] : []),
    ...apis.filter((group) => group !== undefined),
  ]
}
