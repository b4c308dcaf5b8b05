/** What the commands on tokens, inventory, organisations and policies use of the app. What it does not have, the command says. */

import { type Doors, type InventoryDoor, ownerOf } from '../admin/index.ts'
import type { By, Owner, TokenVerbs } from '../api-tokens/index.ts'
import type { App } from '../app.ts'
import { refusals, type Unit } from '../base/index.ts'

/** Whoever owns the server's folder. */
export const OPERATOR: By = 'operator'

/** An organisation as people see it. */
export interface ShownOrganisation {
  readonly name: string
  readonly title: string
  readonly disabled: boolean
  readonly createdAt: number
}

/** The app's own members where it has them. */
export interface Desk extends Pick<App, 'accounts'> {
  readonly tokens?: TokenVerbs
  /** Makes a unit, runs, commits. */
  readonly operate?: <T>(run: (unit: Unit) => Promise<T>) => Promise<T>
  readonly consumers?: NonNullable<Doors['consumers']>
  readonly hours?: NonNullable<Doors['hours']>
  readonly inventory?: InventoryDoor
  readonly doors?: Pick<Doors, 'handover'>
  readonly organisations?: {
    create(input: { readonly name: string; readonly title: string }): Promise<ShownOrganisation>
    list(): Promise<readonly ShownOrganisation[]>
    disable(name: string): Promise<ShownOrganisation>
    enable(name: string): Promise<ShownOrganisation>
  }
  readonly policies?: {
    /** Which tokens violate which policy. */
    check(): Promise<readonly object[]>
    /** What the policies of another configuration module would do to the tokens that exist. */
    simulate(file: string): Promise<readonly object[]>
  }
}

const refuse = refusals({ not_available: [501, 'This server does not offer that.'] })

type With<K extends keyof Desk> = Desk & Required<Pick<Desk, K>>

function has<K extends keyof Desk>(app: Desk, needs: readonly K[]): app is With<K> {
  return needs.every((one) => app[one] !== undefined)
}

/** The app with the members that a command needs. Throws `not_available`. */
export function offered<K extends keyof Desk>(app: Desk, ...needs: readonly K[]): With<K> {
  if (!has(app, needs)) throw refuse('not_available', { needs })
  return app
}

/** An owner as people type it: an account by its sub or by the name that it signs in with. Throws where there is no such account. */
export async function ownerTyped(app: Pick<App, 'accounts'>, text: string): Promise<Owner> {
  const owner = ownerOf(text)
  if (owner.type !== 'account' || (await app.accounts.find(owner.id))) return owner
  return { type: 'account', id: await app.accounts.subOf(owner.id) }
}
