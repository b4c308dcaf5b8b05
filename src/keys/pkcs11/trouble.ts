/** What can go wrong in the child process, in words for people, and the codes of PKCS#11 behind it. */

import { GONE } from './constants.ts'
import type { Fault } from './messages.ts'

/** A fault that travels to the server by its kind and message. */
export class Trouble extends Error {
  readonly kind: Fault
  constructor(kind: Fault, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Trouble'
    this.kind = kind
  }
}

/** The name of a PKCS#11 error (`CKR_DEVICE_REMOVED`) and its number; undefined for every other error. */
export function codeOf(error: unknown): { readonly name: string; readonly number: number } | undefined {
  if (!(error instanceof Error)) return undefined
  // pkcs11js parses some of its errors and throws others as they come out of the native code: "CKR_X:123".
  const [, name, digits] = /\b(CKR_\w+)(?::(\d+))?/.exec(error.message) ?? []
  const number = 'code' in error && typeof error.code === 'number' ? error.code : Number(digits)
  return name === undefined || Number.isNaN(number) ? undefined : { name, number }
}

/** Whether this error means that the token, a session or a handle is not what it was. */
export function isGone(error: unknown): boolean {
  const code = codeOf(error)
  return code !== undefined && GONE.has(code.number)
}

/** An error in a few words: its PKCS#11 name, else its message. */
export function inWords(error: unknown): string {
  return codeOf(error)?.name ?? (error instanceof Error ? error.message : String(error))
}
