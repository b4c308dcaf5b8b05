/**
 * The pages: Eta templates with prepared values, and the few static files that they use.
 * Views hold no logic beyond loops and conditions; every value is escaped; nothing is inline.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Eta } from 'eta'

/** A hidden field that proves a form came from our page. */
interface Form {
  readonly action: string
  readonly csrf: string
}

/** Who asks: the client's name, and the host that its answers go to (a name anyone can choose, a host not). */
interface Asker {
  readonly clientName: string
  readonly clientHost: string | null
}

export interface SignInPage extends Form, Asker {
  readonly loginName: string
  readonly alert: string | null
}

export interface ConsentPage extends Form, Asker {
  readonly accountName: string
  readonly groups: readonly { readonly title: string; readonly items: readonly string[] }[]
  readonly lifetime: string
  readonly offline: boolean
}

export interface DeviceEntryPage extends Form {
  readonly userCode: string
  readonly alert: string | null
}

export interface DeviceConfirmPage extends Form {
  readonly clientName: string
  readonly userCode: string
  readonly network: string
  readonly userAgent: string
}

export interface SignOutPage extends Form {
  readonly clientName: string | null
}

export interface MessagePage {
  readonly title: string
  readonly text: string
  readonly hint: string
  /** OAuth's error code and the request's id, for whoever is asked for help. */
  readonly code: string | null
  readonly request: string | null
  readonly good: boolean
}

export interface HomePage {
  readonly issuer: string
  readonly links: readonly { readonly href: string; readonly name: string; readonly about: string }[]
}

/** A static file. */
export interface Asset {
  readonly body: Buffer
  readonly type: string
  readonly etag: string
}

/** One method for each page. */
export interface Views {
  signIn(page: SignInPage): string
  consent(page: ConsentPage): string
  deviceEntry(page: DeviceEntryPage): string
  deviceConfirm(page: DeviceConfirmPage): string
  signOut(page: SignOutPage): string
  message(page: MessagePage): string
  home(page: HomePage): string
  /** A static file by its name; undefined for any other. */
  asset(name: string): Asset | undefined
}

const ASSETS: Readonly<Record<string, string>> = { 'mintmark.css': 'text/css; charset=utf-8', 'mark.svg': 'image/svg+xml' }

/** Reads the templates and files once. `directory` is the `views` folder; `brand` the name on the pages. */
export function createViews(input: { readonly directory: string; readonly brand: string }): Views {
  const eta = new Eta({ views: input.directory, cache: true, autoEscape: true })
  const assets = new Map(
    Object.entries(ASSETS).map(([name, type]) => {
      const body = readFileSync(join(input.directory, 'assets', name))
      return [name, { body, type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 16)}"` }]
    }),
  )
  const style = `/assets/mintmark.css?${assets.get('mintmark.css')?.etag.slice(1, -1)}`
  const page = (name: string, model: object): string => eta.render(`./oidc/${name}`, { ...model, brand: input.brand, style })
  return {
    signIn: (model) => page('sign-in', model),
    consent: (model) => page('consent', model),
    deviceEntry: (model) => page('device-entry', model),
    deviceConfirm: (model) => page('device-confirm', model),
    signOut: (model) => page('sign-out', model),
    message: (model) => page('message', model),
    home: (model) => page('home', model),
    asset: (name) => (Object.hasOwn(ASSETS, name) ? assets.get(name) : undefined),
  }
}
