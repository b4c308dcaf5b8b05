/**
 * One token in one process: signed in once, a few sessions that work side by side, and a new start when it was pulled.
 * A token that is back is a new token to its module: handles and sessions of before are void, and some modules (SoftHSM) see it
 * again only after C_Finalize and C_Initialize. So nothing of a lost connection is used again.
 */

import { CKF, CKR, CKU_USER, PIN_REFUSED } from './constants.ts'
import type { Cryptoki, Handle } from './module.ts'
import { codeOf, inWords, isGone, Trouble } from './trouble.ts'

/** A session that one operation has to itself while it runs. */
export interface Session {
  readonly module: Cryptoki
  readonly slot: Handle
  readonly handle: Handle
  /** Handles of keys by class and CKA_ID, as long as this connection lasts. */
  readonly objects: Map<string, Handle>
}

/** The token, whether it is there or not. */
export interface Token {
  /** The mechanisms that it offers. Connects, and throws a `Trouble` when that fails. */
  mechanisms(): Promise<ReadonlySet<number>>
  /**
   * Runs an operation on a free session. One that fails because the token or a handle is gone runs once more on a new connection.
   * Throws a `Trouble`: `away` when the token is not there, `pin` when it refuses the PIN.
   */
  run<T>(operation: (session: Session) => Promise<T>): Promise<T>
  /** Signs out, once nothing runs. */
  end(): Promise<void>
}

interface Connection {
  readonly slot: Handle
  readonly size: number
  readonly idle: Handle[]
  readonly objects: Map<string, Handle>
  whenIdle?: () => void
}

interface Settings {
  readonly label: string
  readonly pin: string
  readonly sessions: number
}

/**
 * Between two attempts to connect. While the last one failed, calls are refused without asking a module that may be slow to say no;
 * after one that succeeded, the next waits: something that fails again and again must not start the module over all the time.
 */
const GAP_MS = 250

function slotOf(module: Cryptoki, label: string): Handle {
  const labels = new Map<Handle, string>()
  for (const slot of module.C_GetSlotList(true)) labels.set(slot, module.C_GetTokenInfo(slot).label.trim())
  const [found, another] = [...labels].filter(([, text]) => text === label)
  if (another) throw new Trouble('token', `two tokens have the label "${label}": give one of them another`)
  if (found) return found[0]
  const others = [...labels.values()].filter((text) => text !== '').map((text) => `"${text}"`)
  const there = others.length ? `there is ${others.join(', ')}` : 'there is none'
  throw new Trouble('token', `there is no token with the label "${label}" (${there})`)
}

/** Some tokens have fewer sessions than were asked for: one is enough. */
function openSessions(module: Cryptoki, slot: Handle, count: number): Handle[] {
  const sessions: Handle[] = []
  while (sessions.length < count) {
    try {
      sessions.push(module.C_OpenSession(slot, CKF.serialSession | CKF.rwSession))
    } catch (cause) {
      if (sessions.length === 0) throw cause
      break
    }
  }
  return sessions
}

function login(module: Cryptoki, session: Handle, { label, pin }: Settings): void {
  try {
    module.C_Login(session, CKU_USER, pin)
  } catch (cause) {
    const code = codeOf(cause)
    if (code?.number === CKR.userAlreadyLoggedIn) return
    if (!code || !PIN_REFUSED.has(code.number)) throw cause
    const why = `the token "${label}" refuses the PIN (${code.name})`
    throw new Trouble('pin', `${why}; it was tried once and is not tried again, since a few wrong PINs lock a token`, {
      cause,
    })
  }
}

function finalize(module: Cryptoki): void {
  try {
    module.C_Finalize()
  } catch {
    // Not initialised, or already gone: either way what follows starts from nothing.
  }
}

/** A fresh connection. The caller sees to it that no call is running: C_Finalize would pull the ground from under it. */
function connect(module: Cryptoki, settings: Settings): Connection {
  finalize(module)
  try {
    module.C_Initialize({ flags: CKF.osLocking })
    const slot = slotOf(module, settings.label)
    const idle = openSessions(module, slot, settings.sessions)
    const [first] = idle
    if (first) login(module, first, settings)
    return { slot, idle, size: idle.length, objects: new Map() }
  } catch (cause) {
    if (cause instanceof Trouble) throw cause
    throw new Trouble('token', `the token "${settings.label}" is not there (${inWords(cause)})`, { cause })
  }
}

/** Keeps the connection: who renews it, who waits for it, who has which session. */
function keepConnection(module: Cryptoki, settings: Settings) {
  let live: Connection | undefined
  let renewing: Promise<void> | undefined
  let refused: Trouble | undefined
  let failure: unknown
  let triedAt = Number.NEGATIVE_INFINITY
  const waiters: (() => void)[] = []

  async function begin(lost: Connection | undefined, waitMs: number): Promise<void> {
    if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs))
    live = undefined
    if (lost && lost.idle.length < lost.size) {
      await new Promise<void>((done) => {
        lost.whenIdle = done
      })
    }
    try {
      live = connect(module, settings)
    } catch (cause) {
      if (cause instanceof Trouble && cause.kind === 'pin') refused = cause
      failure = cause
      throw cause
    } finally {
      triedAt = performance.now()
    }
  }

  /** Replaces the connection `lost`, unless someone has; all who ask meanwhile wait for the one attempt. */
  async function renew(lost: Connection | undefined): Promise<void> {
    if (renewing) return renewing
    if (live !== lost) return
    if (refused) throw refused
    const waitMs = GAP_MS - (performance.now() - triedAt)
    if (waitMs > 0 && !live) throw failure
    renewing = begin(lost, waitMs).finally(() => {
      renewing = undefined
      for (const wake of waiters.splice(0)) wake()
    })
    return renewing
  }

  async function take(): Promise<{ readonly connection: Connection; readonly handle: Handle }> {
    for (;;) {
      if (renewing || !live) await renew(live)
      const handle = live?.idle.pop()
      if (live && handle) return { connection: live, handle }
      if (live) await new Promise<void>((wake) => waiters.push(wake))
    }
  }

  function give({ connection, handle }: { readonly connection: Connection; readonly handle: Handle }): void {
    connection.idle.push(handle)
    if (connection.idle.length === connection.size) connection.whenIdle?.()
    waiters.shift()?.()
  }
  return { take, give, renew }
}

function away(cause: unknown, label: string): Trouble {
  if (cause instanceof Trouble) {
    return cause.kind === 'token' ? new Trouble('away', cause.message, { cause }) : cause
  }
  return new Trouble('away', `the token "${label}" does not answer as it should (${inWords(cause)})`, { cause })
}

/** Makes the token's keeper. Nothing is touched before the first call. */
export function createToken(module: Cryptoki, settings: Settings): Token {
  const { take, give, renew } = keepConnection(module, settings)

  async function once<T>(operation: (session: Session) => Promise<T>) {
    const taken = await take()
    const { connection, handle } = taken
    try {
      return { value: await operation({ module, slot: connection.slot, handle, objects: connection.objects }) }
    } catch (cause) {
      if (!isGone(cause)) throw cause
      return { lost: connection, cause }
    } finally {
      give(taken)
    }
  }

  return {
    async mechanisms() {
      const taken = await take()
      give(taken)
      return new Set(module.C_GetMechanismList(taken.connection.slot))
    },
    async run(operation) {
      try {
        const first = await once(operation)
        if ('value' in first) return first.value
        await renew(first.lost)
        const second = await once(operation)
        if ('value' in second) return second.value
        throw second.cause
      } catch (cause) {
        throw away(cause, settings.label)
      }
    },
    async end() {
      finalize(module)
    },
  }
}
