/**
 * Logs and counters. Owns what may leave in a log line: no credential can, whatever a caller hands in,
 * since every line passes the scrubber on its way out. Knows no protocol beyond what credentials look like.
 */

import pino from 'pino'

export type Logger = pino.Logger

const REDACTED = [
  'password',
  'client_secret',
  'secret',
  'token',
  'refresh_token',
  'access_token',
  'id_token',
  'code',
  'authorization',
  'cookie',
  'code_verifier',
  'client_assertion',
  'assertion',
  'device_code',
  'user_code',
]

/** What credentials look like: our own formats, compact JWTs, Authorization values, form parameters of the protocol. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/mm_[a-z]{1,5}_[\w-]{20,}/g, '[credential]'],
  // API tokens under a prefix of the deployment's own.
  [/\b[a-z]{1,12}_(?:pat|svc|cs)_[0-9A-Za-z]{36}\b/g, '[credential]'],
  [/eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*/g, '[jwt]'],
  [/\b(Bearer|Basic|DPoP) [\w.~+/=-]{8,}/gi, '$1 [credential]'],
  [
    /\b(code|state|nonce|token|refresh_token|access_token|client_secret|password|code_verifier|device_code|user_code|id_token_hint|login_hint|client_assertion|request)=[^&\s"'\\]+/gi,
    '$1=[hidden]',
  ],
  [/(mongodb(?:\+srv)?:\/\/)[^@/\s"]+@/gi, '$1[hidden]@'],
  [/[\w.+-]+@[\w-]+(?:\.[\w-]+)+/g, '[e-mail]'],
]

/** Takes out of a text whatever looks like a credential or an e-mail address. */
export function scrub(text: string): string {
  return PATTERNS.reduce((out, [pattern, instead]) => out.replace(pattern, instead), text)
}

/** Makes the log: one JSON line an event, on `destination` (standard output unless given). */
export function createLogger(input: { readonly level: string; readonly destination?: pino.DestinationStream }): Logger {
  const options: pino.LoggerOptions = {
    level: input.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[hidden]' },
    hooks: { streamWrite: scrub },
  }
  return pino(options, input.destination ?? pino.destination({ fd: 1, sync: true }))
}

/**
 * A refusal as the log has it: its code (under a name that the scrubber leaves: `code` is what authorization codes are called), what
 * stood against it, and what caused it in a sentence. No stack: it says where we refuse, which the code says already.
 */
export function loggedRefusal(cause: unknown): Readonly<Record<string, unknown>> {
  if (!(cause instanceof Error)) return { refusal: String(cause) }
  const { name, message, cause: because } = cause
  const code: unknown = Reflect.get(cause, 'code') ?? Reflect.get(cause, 'error') ?? name
  const facts: unknown = Reflect.get(cause, 'facts')
  return {
    refusal: code,
    says: message,
    ...(typeof facts === 'object' && facts !== null && Object.keys(facts).length > 0 ? { facts } : {}),
    ...(because instanceof Error ? { because: because.message } : {}),
  }
}

/** Counters by name; labels are fixed words of ours, never text from a request. */
export interface Counters {
  count(name: string, by?: number): void
  read(): Readonly<Record<string, number>>
}

/** Makes an empty set of counters. */
export function createCounters(): Counters {
  const values = new Map<string, number>()
  return {
    count(name, by = 1) {
      values.set(name, (values.get(name) ?? 0) + by)
    },
    read: () => Object.fromEntries(values),
  }
}
