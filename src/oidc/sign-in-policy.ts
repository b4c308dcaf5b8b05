/** When a person must sign in: the library's own policy, and where the account of a session is gone or disabled. */

import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider'

const { Check } = interactionPolicy

/** The library goes on to consent with a session whose account can't be found, and fails there. */
function isGone({ oidc }: KoaContextWithOIDC): boolean {
  return Boolean(oidc.session?.accountId) && !oidc.account
}

/** The policy that the provider is built with. */
export function signInPolicy() {
  const policy = interactionPolicy.base()
  const gone = new Check('account_gone', 'End-User authentication is required', 'login_required', isGone)
  policy.get('login')?.checks.add(gone)
  return policy
}
