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

/** What a prompt still asks for, grouped by whom it concerns. */
export async function consentGroups(
  details: Readonly<Record<string, unknown>>,
  clients: Pick<Clients, 'api'>,
): Promise<readonly ScopeGroup[]> {
  const groups: ScopeGroup[] = []
  const scopes = strings(details.missingOIDCScope).filter((scope) => scope !== 'offline_access')
  const claims = strings(details.missingOIDCClaims).filter((claim) => claim !== 'sub')
  const about = [
    ...scopes.map((scope) => ({ scope, words: WORDS[scope] ?? scope })),
    ...claims.map((claim) => ({ scope: claim, words: `See: ${claim.replaceAll('_', ' ')}` })),
  ]
  if (about.length > 0) groups.push({ title: 'About you', scopes: about })
  const { missingResourceScopes } = details
  if (typeof missingResourceScopes === 'object' && missingResourceScopes !== null) {
    for (const [id, asked] of Object.entries(missingResourceScopes)) {
      const api = await clients.api(id)
      groups.push({
        title: api?.name ?? id,
        audience: id,
        scopes: strings(asked).map((scope) => ({ scope, words: api?.scopes[scope] ?? scope })),
      })
    }
  }
  return groups
}
