/**
 * Refusals: a room states its public words once, in a table; the cause goes to the log only.
 * Thrown by verbs, mapped to the protocol's shape at the boundary.
 */

/** A refusal that a caller may see: `code` and `message` leave the server, `facts` and `cause` do not. */
export class Refusal extends Error {
  readonly code: string
  readonly status: number
  /** For the log: what was asked and what stood against it. Never a secret. */
  readonly facts: Readonly<Record<string, unknown>>

  constructor(input: {
    readonly code: string
    readonly status: number
    readonly message: string
    readonly facts?: Readonly<Record<string, unknown>>
    readonly cause?: unknown
  }) {
    super(input.message, { cause: input.cause })
    this.name = 'Refusal'
    this.code = input.code
    this.status = input.status
    this.facts = input.facts ?? {}
  }
}

/** One row of a refusal table: HTTP status, public words, and what to do where more can be said of it than the status says. */
export type RefusalRow = readonly [status: number, message: string, remedy?: string]

/**
 * Makes a room's `refuse(code, facts)` from its table.
 * The returned function builds the error; the caller throws it. It carries its table, from which the codes' pages are made.
 */
export function refusals<const T extends Readonly<Record<string, RefusalRow>>>(table: T) {
  const refuse = (code: keyof T & string, facts: Readonly<Record<string, unknown>> = {}, cause?: unknown): Refusal => {
    const row: RefusalRow = table[code] ?? [500, code]
    return new Refusal({ code, status: row[0], message: row[1], facts, cause })
  }
  return Object.assign(refuse, { table })
}
