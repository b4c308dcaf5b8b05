/** Organisations: named records that can own service tokens, which then outlive the people who made them. */

import type { Collection, Doc, Store } from '../../adapters/store.ts'
import { bound, type Clock, isConflict, newDoc, refusals, seconds, TENANT, type Unit } from '../base/index.ts'
import type { Seal } from '../seal/index.ts'

export const organisations: Collection = {
  name: 'organisations',
  indexes: [['kind']],
  fields: { disabled: '1 while disabled' },
  expires: false,
  about: 'Organisations by the keyed hash of their name; the body seals name and title.',
}

/** An organisation. `name` is what owners are called by; `title` is for people. */
export interface Organisation {
  readonly name: string
  readonly title: string
  readonly disabled: boolean
  /** Unix seconds. */
  readonly createdAt: number
}

type Kept = Omit<Organisation, 'disabled'>

/** What the verbs use. */
export interface OrganisationDeps {
  readonly store: Pick<Store, 'get' | 'find'>
  readonly seal: Seal
  readonly clock: Clock
  readonly unit: () => Unit
  readonly commit: (unit: Unit) => Promise<void>
}

export const refuse = refusals({
  organisation_exists: [409, 'There is an organisation with this name already.'],
  organisation_unknown: [404, 'There is no organisation with this name.'],
  bad_organisation_name: [400, 'A name has 1 to 64 lower-case letters, digits and hyphens and begins with a letter.'],
  bad_organisation_title: [400, 'A title has 1 to 200 characters and no control characters.'],
})

const PAGE = 200

async function organisationOf(seal: Seal, doc: Doc): Promise<Organisation> {
  // Sealed by `createOrganisation` below: these bytes were what it keeps.
  const kept = JSON.parse((await seal.open(doc)).toString()) as Kept
  return { ...kept, disabled: doc.fields.disabled === 1 }
}

/** The verbs. */
export function organisationActions({ store, seal, clock, unit, commit }: OrganisationDeps) {
  const idOf = (name: string): string => seal.hash('name', TENANT, 'organisation', name)
  const stored = async (name: string): Promise<Doc | undefined> =>
    name.includes('\0') ? undefined : store.get(organisations.name, idOf(name))

  async function setDisabled(name: string, disabled: boolean): Promise<Organisation> {
    const doc = await stored(name)
    if (!doc) throw refuse('organisation_unknown')
    const staged = unit()
    staged.update(organisations.name, doc, { fields: { disabled: disabled ? 1 : null } })
    staged.note(disabled ? 'organisation.disabled' : 'organisation.enabled', { organisation: doc.id })
    await commit(staged)
    return { ...(await organisationOf(seal, doc)), disabled }
  }

  return {
    async createOrganisation(input: { readonly name: string; readonly title?: string | undefined }) {
      const { name, title = name } = input
      if (!/^[a-z][a-z0-9-]{0,63}$/.test(name)) throw refuse('bad_organisation_name')
      if (!/^[^\p{Cc}]{1,200}$/u.test(title)) throw refuse('bad_organisation_title')
      if (await stored(name)) throw refuse('organisation_exists')
      const kept: Kept = { name, title, createdAt: seconds(clock) }
      const columns = bound({ tenant: TENANT, kind: 'organisation', id: idOf(name), iat: kept.createdAt })
      const staged = unit()
      const sealed = seal.seal(columns, Buffer.from(JSON.stringify(kept)))
      staged.insert(organisations.name, newDoc(columns, { hk: seal.hk, ...sealed, fields: { disabled: null } }))
      staged.note('organisation.created', { organisation: columns.id })
      await commit(staged).catch((cause) => {
        throw isConflict(cause) ? refuse('organisation_exists', {}, cause) : cause
      })
      return { ...kept, disabled: false } satisfies Organisation
    },
    /** An organisation, disabled or not; undefined when there is none. */
    async organisation(name: string): Promise<Organisation | undefined> {
      const doc = await stored(name)
      return doc && organisationOf(seal, doc)
    },
    async organisations(): Promise<readonly Organisation[]> {
      const out: Organisation[] = []
      for (let after: string | undefined; ; ) {
        const by = { tenant: TENANT, by: { kind: 'organisation' } }
        const page = await store.find(organisations.name, by, { limit: PAGE, ...(after ? { after } : {}) })
        for (const doc of page) out.push(await organisationOf(seal, doc))
        after = page.at(-1)?.id
        if (page.length < PAGE) return out
      }
    },
    /** Its tokens work no more until it is enabled again. */
    disableOrganisation: (name: string) => setDisabled(name, true),
    enableOrganisation: (name: string) => setDisabled(name, false),
  }
}
