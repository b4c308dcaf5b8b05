/** The works that are measured, by the names that the command line knows. */

export const WORK_NAMES = [
  'client-credentials-opaque',
  'client-credentials-jwt',
  'refresh',
  'introspection-opaque',
  'introspection-jwt',
  'introspection-api-token',
  'jwks',
  'discovery',
  'sign-in',
] as const

export type WorkName = (typeof WORK_NAMES)[number]

/** A work's name from what was typed. Throws with the names that there are. */
export function workNamed(text: string): WorkName {
  const found = WORK_NAMES.find((name) => name === text)
  if (!found) throw new Error(`there is no work ${text}; there are ${WORK_NAMES.join(', ')}`)
  return found
}
