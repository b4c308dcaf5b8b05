/**
 * The server's side of PKCS#11: keeps a child process with the vendor's module running, and asks it within a budget.
 * At the first start what an operator has to mend is an error that ends the program; later nothing here is: a token that is
 * away costs its callers a `SignerUnavailable` and comes back by itself.
 */

import type { Secret } from '../../base/index.ts'
import { type Algorithm, SignerUnavailable } from '../signers.ts'
import { Faulted, type Line, startLine } from './line.ts'
import type { Start, Verb, Verbs } from './messages.ts'

/** What an operator says about the token. */
export interface Pkcs11Settings {
  /** The vendor's module, for instance `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly modulePath: string
  readonly tokenLabel: string
  readonly pin: Secret
  /** Sessions that work side by side (default 4). */
  readonly sessions?: number
  /** How long a call may take, in milliseconds (default 1000). Making a key may take twenty times as long. */
  readonly budgetMs?: number
  /** The program's environment. Only what modules read for their own set-up is handed on (`HANDED_ON`). */
  readonly env: Readonly<Record<string, string | undefined>>
}

/** The token cannot be used as it is configured. The message is one sentence for an operator; it holds no secret. */
export class Pkcs11Misconfigured extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'Pkcs11Misconfigured'
  }
}

/** How often things went wrong since the start, for metrics. */
export interface Pkcs11Counts {
  /** Calls that were not answered within their budget. */
  readonly overruns: number
  /** Child processes that were started after the first. */
  readonly restarts: number
}

/** An open token. */
export interface Pkcs11Client {
  readonly tokenLabel: string
  readonly algorithms: readonly Algorithm[]
  readonly counts: Pkcs11Counts
  /** The child process, while there is one. */
  readonly pid: number | undefined
  /** Rejects with `SignerUnavailable`, or a plain error where the token refuses for good. */
  call<V extends TokenVerb>(verb: V, ask: Verbs[V]['ask']): Promise<Verbs[V]['answer']>
  /** Lets what is in flight finish, signs out and ends the child. */
  close(): Promise<void>
}

/** What may be asked of an open token. */
export type TokenVerb = Exclude<Verb, 'start' | 'end'>

const SESSIONS = 4
const BUDGET_MS = 1000
/** An RSA key takes a card many seconds. */
const GENERATE_BUDGETS = 20
const START_MS = 30_000
const BACKOFF_MS = { min: 250, max: 5000 } as const
/** A child that lived this long did not fail at its start: the next one starts after the shortest delay. */
const SETTLED_MS = 10_000

/** Variables that loaders and the modules of vendors read for their set-up. Nothing else of the server's environment goes along. */
const HANDED_ON =
  /^(PATH|HOME|LANG|LC_ALL|TMPDIR|TZ|LD_LIBRARY_PATH|SOFTHSM2_CONF|OPENSC_CONF|ChrystokiConfigurationPath|CS_PKCS11_R[23]_CFG|YUBIHSM_PKCS11_CONF|KMS_PKCS11_CONFIG|TPM2_PKCS11_STORE|PKCS11_PROXY_SOCKET|P11_KIT_SERVER_ADDRESS|NFAST_\w+|CKNFAST_\w+)$/

function environment({ env, sessions = SESSIONS }: Pkcs11Settings): Readonly<Record<string, string>> {
  const kept = Object.entries(env).flatMap(([name, value]) =>
    value !== undefined && HANDED_ON.test(name) ? [[name, value] as const] : [],
  )
  // Each session may hold a thread of libuv while the module works.
  return { ...Object.fromEntries(kept), UV_THREADPOOL_SIZE: String(Math.max(4, sessions)) }
}

/** Keeps a child running: starts the next one, later and later, when one ends. */
function keepRunning(settings: Pkcs11Settings, budgetMs: number) {
  const counts = { overruns: 0, restarts: 0 }
  const order: Omit<Start, 'pin'> = {
    modulePath: settings.modulePath,
    tokenLabel: settings.tokenLabel,
    sessions: settings.sessions ?? SESSIONS,
  }
  const env = environment(settings)
  let line: Line | undefined
  let closing = false
  let ending: Promise<void> | undefined
  let refused: string | undefined
  let delayMs: number = BACKOFF_MS.min

  function begin(): { readonly line: Line; readonly started: Promise<Verbs['start']['answer']> } {
    const begun = startLine({ env, budgetMs, onOverrun: () => void counts.overruns++ })
    line = begun
    return { line: begun, started: begun.ask('start', { ...order, pin: settings.pin.reveal() }, START_MS) }
  }

  function watch(current: Line): void {
    const since = performance.now()
    void current.ended.then(() => {
      line = undefined
      if (closing || refused) return
      if (performance.now() - since > SETTLED_MS) delayMs = BACKOFF_MS.min
      setTimeout(restart, delayMs).unref()
      delayMs = Math.min(BACKOFF_MS.max, delayMs * 2)
    })
  }

  function restart(): void {
    if (closing) return
    counts.restarts++
    const next = begin()
    watch(next.line)
    next.started.catch((cause: unknown) => {
      if (!(cause instanceof Faulted)) return
      if (cause.fault === 'pin') refused = cause.message
      // A token that is away is looked for again at every call; a module that is away needs a new process.
      if (cause.fault === 'pin' || cause.fault === 'module') next.line.kill()
    })
  }

  return {
    counts,
    begin,
    watch,
    current(): Line {
      if (closing) throw new SignerUnavailable('the signer is closed')
      if (refused) throw new SignerUnavailable(`${refused}; restart the server with the right one`)
      if (!line) throw new SignerUnavailable('the process that speaks to the token is being started again')
      return line
    },
    get pid() {
      return line?.pid
    },
    async close(): Promise<void> {
      closing = true
      ending ??= line?.end()
      await ending
    },
  }
}

/**
 * Opens a token: starts the child, loads the module, finds the token by its label, signs in once.
 * Throws `Pkcs11Misconfigured` when any of that fails.
 */
export async function openPkcs11(settings: Pkcs11Settings): Promise<Pkcs11Client> {
  const budgetMs = settings.budgetMs ?? BUDGET_MS
  const keeper = keepRunning(settings, budgetMs)
  const first = keeper.begin()
  const { algorithms } = await first.started.catch(async (cause: unknown) => {
    first.line.kill()
    await first.line.ended
    if (cause instanceof Faulted) throw new Pkcs11Misconfigured(cause.message, { cause })
    const why = `${settings.modulePath}: the PKCS#11 module crashed, or did not open the token within ${START_MS / 1000} s`
    throw new Pkcs11Misconfigured(why, { cause })
  })
  keeper.watch(first.line)
  return {
    tokenLabel: settings.tokenLabel,
    algorithms,
    counts: keeper.counts,
    get pid() {
      return keeper.pid
    },
    async call(verb, ask) {
      const generates = verb === 'generate' || verb === 'makeMaster'
      try {
        return await keeper.current().ask(verb, ask, generates ? GENERATE_BUDGETS * budgetMs : budgetMs)
      } catch (cause) {
        if (!(cause instanceof Faulted)) throw cause
        if (cause.fault === 'refused') throw new Error(cause.message, { cause })
        throw new SignerUnavailable(cause.message, { cause })
      }
    },
    close: () => keeper.close(),
  }
}
