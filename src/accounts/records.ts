/** Collections of accounts, login names and throttles. Personal data are sealed under the account's own key. */

import { createCipheriv, createDecipheriv, createSecretKey } from 'node:crypto'
import type { Collection, Doc, NewDoc } from '../../adapters/store.ts'
import { bound, newDoc, type Random, TENANT } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'

export const accounts: Collection = {
  name: 'accounts',
  indexes: [['kind']],
  fields: {
    person: "personal data and password hash, sealed under the account's own key",
    disabled: '1 while disabled',
  },
  expires: false,
  about: "Accounts. The body seals the account's own key and its random `sub`; erasing the body erases the person.",
}

export const names: Collection = {
  name: 'account-names',
  indexes: [],
  fields: { target: "id of the account's document" },
  expires: false,
  about: 'Pointers from the keyed hash of a login name or e-mail address to an account.',
}

export const throttles: Collection = {
  name: 'throttles',
  indexes: [],
  fields: { points: 'failures counted', until: 'end of the window, Unix milliseconds' },
  expires: true,
  about: 'Counters of failed attempts by keyed hash of account and network.',
}

export const claims: Collection = {
  name: 'account-claims',
  indexes: [],
  fields: {},
  expires: true,
  about: 'One-time links that claim the first administrator, as keyed hashes, and the mark that there is one.',
}

/** Who an account belongs to. */
export interface Person {
  readonly loginName: string
  readonly email: string | null
  readonly emailVerified: boolean
  readonly name: string | null
  readonly passwordHash: string
  readonly demo: boolean
  /** May open the console. */
  readonly administrator: boolean
  readonly createdAt: number
}

/** An account as the rooms see it. */
export interface AccountRecord {
  readonly sub: string
  readonly disabled: boolean
  readonly person: Person
}

interface Kept {
  readonly sub: string
  /** The account's own key, base64url. */
  readonly key: string
}

const personAad = (id: string): Buffer => Buffer.from(JSON.stringify(['mintmark person', TENANT, id]))

function sealPerson(random: Random, key: string, id: string, person: Person): Buffer {
  const nonce = random.bytes(12)
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(Buffer.from(key, 'base64url')), nonce)
  cipher.setAAD(personAad(id))
  return Buffer.concat([nonce, cipher.update(JSON.stringify(person)), cipher.final(), cipher.getAuthTag()])
}

function openPerson(key: string, id: string, sealed: Uint8Array): Person {
  const body = Buffer.from(sealed)
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(Buffer.from(key, 'base64url')), body.subarray(0, 12))
  decipher.setAAD(personAad(id))
  decipher.setAuthTag(body.subarray(-16))
  // Sealed by `sealPerson` above: these bytes were a Person.
  return JSON.parse(Buffer.concat([decipher.update(body.subarray(12, -16)), decipher.final()]).toString()) as Person
}

/** The id of an account's document. */
export function accountId(seal: Seal, sub: string): string {
  return seal.hash('name', TENANT, 'account', sub)
}

/** A new account's document. */
export function accountDoc(seal: Seal, random: Random, sub: string, person: Person): NewDoc {
  const id = accountId(seal, sub)
  const columns = bound({ tenant: TENANT, kind: 'account', id, iat: person.createdAt })
  const key = random.bytes(32).toString('base64url')
  const sealed = seal.seal(columns, Buffer.from(JSON.stringify({ sub, key } satisfies Kept)))
  return newDoc(columns, {
    hk: seal.hk,
    ...sealed,
    fields: { person: sealPerson(random, key, id, person), disabled: null },
  })
}

/** Whether the account's key was destroyed: nothing can be said of it any more. */
export function isErased(doc: Doc): boolean {
  return doc.revokedAt !== null || doc.body === null
}

/** Whether a person has switched the account off. */
export const isDisabled = (doc: Doc): boolean => doc.fields.disabled === 1

/** Opens an account's document. */
export async function accountOf(seal: Seal, doc: Doc): Promise<AccountRecord & { readonly key: string }> {
  const kept = JSON.parse((await seal.open(doc)).toString()) as Kept
  if (!(doc.fields.person instanceof Uint8Array)) throw new Error('an account without personal data')
  return { ...kept, disabled: isDisabled(doc), person: openPerson(kept.key, doc.id, doc.fields.person) }
}

/** The personal data anew, for an update. */
export function personField(random: Random, account: { readonly key: string }, id: string, person: Person): Buffer {
  return sealPerson(random, account.key, id, person)
}

/** The pointer from what people type. The pointer hash turns only offline, so one look-up is enough. */
export function nameDoc(seal: Seal, name: string, target: string): NewDoc {
  const columns = bound({ tenant: TENANT, kind: 'login', id: nameId(seal, name) })
  return newDoc(columns, { hk: seal.hk, fields: { target } })
}

/** The mark that there is an administrator: it can be inserted once, by whoever is first. */
export function firstAdministrator(seal: Seal): NewDoc {
  const id = seal.hash('lookup', TENANT, 'claim', 'first administrator')
  return newDoc(bound({ tenant: TENANT, kind: 'first-administrator', id }), { hk: seal.hk })
}

/** A one-time link's document; the link's text is nowhere but in the link. */
export function claimDoc(seal: Seal, text: string, exp: number): NewDoc {
  const columns = bound({ tenant: TENANT, kind: 'claim', id: seal.hash('lookup', TENANT, 'claim', text) })
  return newDoc(columns, { hk: seal.hk, exp, purgeAt: exp + 3600 })
}

export function nameId(seal: Seal, name: string): string {
  return seal.hash('pointer', TENANT, 'login', name)
}
