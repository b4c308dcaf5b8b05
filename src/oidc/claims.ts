/** Which claims a scope stands for (OpenID Connect Core, 5.4): the library's configuration and the lanes read it here. */

/** By scope. How and when the person signed in is part of what `openid` tells: step-up (RFC 9470) starts from it. */
export const CLAIMS_OF_SCOPES = {
  openid: ['sub', 'acr', 'auth_time'],
  profile: [
    'birthdate',
    'family_name',
    'gender',
    'given_name',
    'locale',
    'middle_name',
    'name',
    'nickname',
    'picture',
    'preferred_username',
    'profile',
    'updated_at',
    'website',
    'zoneinfo',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
} as const

const isScope = (scope: string): scope is keyof typeof CLAIMS_OF_SCOPES => Object.hasOwn(CLAIMS_OF_SCOPES, scope)

/** Of the claims that there are, those that these scopes stand for. */
export function claimsFor(
  scopes: readonly string[],
  available: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const names = scopes.flatMap((scope) => (isScope(scope) ? CLAIMS_OF_SCOPES[scope] : []))
  return Object.fromEntries(names.flatMap((name) => (Object.hasOwn(available, name) ? [[name, available[name]]] : [])))
}
