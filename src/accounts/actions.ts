/** The verbs on accounts: create, find, authenticate, disable, set a password. */

import type { Doc, Store } from '../../adapters/store.ts'
import { isConflict, type Random, randomText, refusals, seconds, TENANT, type Unit } from '../base/index.ts'
import { OpenedOnce } from '../seal/index.ts'
import { eraseAccount, type Holdings } from './erase.ts'
import type { Hasher } from './hashing.ts'
import {
  type AccountRecord,
  accountDoc,
  accountId,
  accountOf,
  accounts,
  claimDoc,
  claims,
  firstAdministrator,
  isDisabled,
  isErased,
  nameDoc,
  nameId,
  names,
  type Person,
  personField,
} from './records.ts'
import { isLoginName, normalName, PASSWORD_LENGTH_MAX, passwordFault } from './rules.ts'
import { createThrottle, type ThrottleDeps } from './throttle.ts'

/** What the verbs use. */
export interface AccountDeps extends ThrottleDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly random: Random
  readonly hasher: Hasher
  /** Demonstration accounts work only where issuer and listener are loopback. */
  readonly demoUsable: boolean
}

export const refuse = refusals({
  claim_dead: [410, 'This link was used, is too old, or there is an administrator already.'],
  account_exists: [409, 'There is an account with this name already.'],
  account_unknown: [404, 'There is no account with this name.'],
  bad_login_name: [400, 'A login name has 1 to 200 characters and no control characters.'],
  password_short: [400, 'A password has at least 15 characters; a few words in a row do well.'],
  password_long: [400, 'A password has at most 256 characters.'],
  password_common: [400, 'This password is one of those that everybody tries; take other words.'],
})

/** A new account. */
export interface NewAccount {
  readonly loginName: string
  readonly email?: string
  readonly name?: string
  readonly password: string
  readonly demo?: boolean
  readonly administrator?: boolean
}

/** How an attempt to sign in went. Unknown names and wrong passwords are one answer. */
export type SignIn =
  | { readonly ok: true; readonly sub: string }
  | { readonly ok: false; readonly why: 'wrong' }
  | { readonly ok: false; readonly why: 'throttled'; readonly waitSeconds: number }

const QUARTER = 15 * 60
const MARKS_MAX = 20_000

/** The verbs. `dummy` is a hash that no password has. */
export function accountActions(deps: AccountDeps, dummy: string) {
  const { store, seal, clock, random, hasher } = deps
  // A person's own network gets few tries; the account as a whole many, so that a stranger can't lock its owner out.
  const pairs = createThrottle(deps, { name: 'sign-in pair', points: 5, seconds: QUARTER })
  const perAccount = createThrottle(deps, { name: 'sign-in account', points: 50, seconds: QUARTER })
  const perNetwork = createThrottle(deps, { name: 'sign-in network', points: 100, seconds: QUARTER })

  // Whether it is a demonstration account is decided when it is made, and stands among what is personal.
  const marks = new OpenedOnce({
    entriesMax: MARKS_MAX,
    open: async (doc) => ({ demo: (await accountOf(seal, doc)).person.demo }),
  })

  async function byName(
    name: string,
  ): Promise<{ doc: Doc; record: AccountRecord & { readonly key: string } } | undefined> {
    const pointer = await store.get(names.name, nameId(seal, normalName(name)))
    const doc =
      typeof pointer?.fields.target === 'string' ? await store.get(accounts.name, pointer.fields.target) : undefined
    return doc && !isErased(doc) ? { doc, record: await accountOf(seal, doc) } : undefined
  }

  /** Where a typed name leads. One that a crash left pointing at an erased account is free. */
  async function pointerOf(name: string): Promise<{ readonly doc: Doc; readonly isTaken: boolean } | undefined> {
    const doc = await store.get(names.name, nameId(seal, name))
    const target =
      typeof doc?.fields.target === 'string' ? await store.get(accounts.name, doc.fields.target) : undefined
    return doc && { doc, isTaken: !target || !isErased(target) }
  }

  async function known(name: string) {
    const found = await byName(name)
    if (!found) throw refuse('account_unknown')
    return found
  }

  function refuseBadPassword(password: string, name: string): void {
    const fault = passwordFault(password, name)
    if (fault) throw refuse(`password_${fault}`)
  }

  const usable = (record: AccountRecord): boolean => !record.disabled && (!record.person.demo || deps.demoUsable)

  async function setDisabled(name: string, disabled: boolean): Promise<void> {
    const { doc } = await known(name)
    const unit = deps.unit()
    unit.update(accounts.name, doc, { fields: { disabled: disabled ? 1 : null } })
    unit.note(disabled ? 'account.disabled' : 'account.enabled', { account: doc.id })
    await deps.commit(unit)
  }

  async function waitFor(pair: string, name: string, network: string): Promise<number> {
    return Math.max(
      ...(await Promise.all([pairs.waitSeconds(pair), perAccount.waitSeconds(name), perNetwork.waitSeconds(network)])),
    )
  }

  async function stageNew(unit: Unit, input: NewAccount): Promise<AccountRecord> {
    const login = normalName(input.loginName)
    if (!isLoginName(input.loginName)) throw refuse('bad_login_name')
    refuseBadPassword(input.password, login)
    const typed = [...new Set([login, ...(input.email ? [normalName(input.email)] : [])])]
    const taken = await Promise.all(typed.map((name) => pointerOf(name)))
    if (taken.some((pointer) => pointer?.isTaken)) throw refuse('account_exists')
    const sub = randomText(random, 16)
    const person: Person = {
      loginName: input.loginName.trim(),
      email: input.email ?? null,
      emailVerified: false,
      name: input.name ?? null,
      passwordHash: await hasher.hash(input.password),
      demo: input.demo ?? false,
      administrator: input.administrator ?? false,
      createdAt: seconds(clock),
    }
    unit.insert(accounts.name, accountDoc(seal, random, sub, person))
    for (const [n, name] of typed.entries()) {
      const free = taken[n]?.doc
      if (free) unit.update(names.name, free, { fields: { target: accountId(seal, sub) } })
      else unit.insert(names.name, nameDoc(seal, name, accountId(seal, sub)))
    }
    unit.note('account.created', { account: accountId(seal, sub), administrator: person.administrator })
    return { sub, disabled: false, person }
  }

  async function liveClaim(text: string): Promise<Doc | undefined> {
    const doc = await store.get(claims.name, claimDoc(seal, text, 0).id)
    const over = await store.get(claims.name, firstAdministrator(seal).id)
    return doc?.kind === 'claim' && doc.state === 'live' && !over && Number(doc.exp) > seconds(clock) ? doc : undefined
  }

  return {
    async create(input: NewAccount): Promise<AccountRecord> {
      const unit = deps.unit()
      const record = await stageNew(unit, input)
      await deps.commit(unit).catch((cause) => {
        // The names are pointers under their own hash: of two rivals for one, the second is told so.
        throw isConflict(cause) ? refuse('account_exists', {}, cause) : cause
      })
      return record
    },
    /**
     * A one-time link's secret that claims the first administrator; undefined when there is one already. Kept as a hash, dies
     * with its use or after 15 minutes (DESIGN section 7).
     */
    async offerClaim(): Promise<string | undefined> {
      if (await store.get(claims.name, firstAdministrator(seal).id)) return undefined
      const text = randomText(random, 24)
      const unit = deps.unit()
      unit.insert(claims.name, claimDoc(seal, text, seconds(clock) + QUARTER))
      await deps.commit(unit)
      return text
    },
    /** Whether a link can still be used. Looking changes nothing: previews and scanners open links too. */
    async isClaimable(text: string): Promise<boolean> {
      return (await liveClaim(text)) !== undefined
    },
    /** Uses a link: the first administrator's account is made by the same commit that spends it. */
    async claim(text: string, input: Omit<NewAccount, 'demo' | 'administrator'>): Promise<AccountRecord> {
      const doc = await liveClaim(text)
      if (!doc) throw refuse('claim_dead')
      const unit = deps.unit()
      const record = await stageNew(unit, { ...input, administrator: true })
      unit.insert(claims.name, firstAdministrator(seal))
      unit.decide({ collection: claims.name, id: doc.id, if: { state: 'live' }, set: { state: 'spent' } }, doc)
      await deps.commit(unit).catch((cause) => {
        throw isConflict(cause) ? refuse('claim_dead', {}, cause) : cause
      })
      return record
    },
    /** The account of a `sub`; undefined when there is none that may be used. */
    async find(sub: string): Promise<AccountRecord | undefined> {
      const doc = await store.get(accounts.name, accountId(seal, sub))
      if (!doc || isErased(doc)) return undefined
      const record = await accountOf(seal, doc)
      return usable(record) ? record : undefined
    },
    /** Whether there is an account of a `sub` that may be used: what `find` would say, with nothing personal opened. */
    async stands(sub: string): Promise<boolean> {
      const doc = await store.get(accounts.name, accountId(seal, sub))
      if (!doc || isErased(doc) || isDisabled(doc)) return false
      return deps.demoUsable || !(await marks.of(doc)).demo
    },
    async list(): Promise<readonly AccountRecord[]> {
      const out: AccountRecord[] = []
      let after: string | undefined
      for (;;) {
        const page = await store.find(
          accounts.name,
          { tenant: TENANT, by: { kind: 'account' } },
          { limit: 200, ...(after ? { after } : {}) },
        )
        for (const doc of page) if (!isErased(doc)) out.push(await accountOf(seal, doc))
        after = page.at(-1)?.id
        if (page.length < 200) return out
      }
    },
    /** The random `sub` behind a name. */
    subOf: async (name: string): Promise<string> => (await known(name)).record.sub,
    /** Destroys the account's key and frees its names; `holdings` ends what other rooms hold of it. */
    erase: async (name: string, holdings: Holdings): Promise<void> => eraseAccount(deps, await known(name), holdings),
    /** Whether the account of a document's id was erased. */
    async wasErased(id: string): Promise<boolean> {
      const doc = await store.get(accounts.name, id)
      return doc !== undefined && isErased(doc)
    },
    disable: (name: string) => setDisabled(name, true),
    enable: (name: string) => setDisabled(name, false),
    async setPassword(name: string, password: string): Promise<void> {
      const { doc, record } = await known(name)
      refuseBadPassword(password, normalName(record.person.loginName))
      const person = { ...record.person, passwordHash: await hasher.hash(password) }
      const unit = deps.unit()
      unit.update(accounts.name, doc, { fields: { person: personField(random, record, doc.id, person) } })
      unit.note('account.password_set', { account: doc.id })
      await deps.commit(unit)
    },
    /** Checks a name and a password. Costs one hash, whether the name is known or not; a throttled attempt costs none. */
    async authenticate(input: {
      readonly loginName: string
      readonly password: string
      readonly network: string
    }): Promise<SignIn> {
      const login = normalName(input.loginName.slice(0, 1000))
      const pair = `${login}\n${input.network}`
      const wait = await waitFor(pair, login, input.network)
      if (wait > 0) return { ok: false, why: 'throttled', waitSeconds: wait }
      const found = await byName(login)
      const right = await hasher.verify(
        found?.record.person.passwordHash ?? dummy,
        input.password.slice(0, PASSWORD_LENGTH_MAX * 2),
      )
      if (found && right && usable(found.record)) {
        await pairs.clear(pair)
        return { ok: true, sub: found.record.sub }
      }
      await Promise.all([pairs.fail(pair), perAccount.fail(login), perNetwork.fail(input.network)])
      return { ok: false, why: 'wrong' }
    },
  }
}

/** Standard claims (OpenID Connect Core 5.1); those that the account does not have are absent. */
export function claimsOf({ sub, person }: AccountRecord): Readonly<Record<string, unknown>> & { readonly sub: string } {
  return {
    sub,
    preferred_username: person.loginName,
    ...(person.name === null ? {} : { name: person.name }),
    ...(person.email === null ? {} : { email: person.email, email_verified: person.emailVerified }),
    updated_at: person.createdAt,
  }
}
