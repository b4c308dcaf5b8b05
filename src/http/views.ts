/**
 * The pages' renderer: templates and assets are read and compiled once, at start, so that a request touches no disk and a broken template
 * stops the server before it serves. Owns how a model becomes HTML; knows no protocol and no route.
 */

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Eta } from 'eta/core'
import { libraryForm } from './library-form.ts'
import type {
  Asker,
  Asset,
  Branding,
  ConsentModel,
  DeviceEntryError,
  HomeModel,
  SignInError,
  SignInModel,
  Views,
} from './pages.ts'

const TEMPLATES = [
  'layout',
  'partials/asker',
  'partials/problem',
  'partials/hidden',
  'oidc/sign-in',
  'oidc/consent',
  'oidc/device-entry',
  'oidc/device-confirm',
  'oidc/device-done',
  'oidc/sign-out',
  'oidc/signed-out',
  'oidc/error',
  'oidc/expired',
  'oidc/home',
  'admin/claim',
  'admin/claimed',
  'handover/wrapped',
] as const

type Page = Extract<(typeof TEMPLATES)[number], `${'oidc' | 'admin' | 'handover'}/${string}`>

const ASSETS = [
  ['mintmark.css', 'text/css; charset=utf-8'],
  ['wrapped.js', 'text/javascript; charset=utf-8'],
  ['mark.svg', 'image/svg+xml'],
  ['coin.svg', 'image/svg+xml'],
  ['favicon.svg', 'image/svg+xml'],
] as const

const DEVICE_ERRORS: Readonly<Record<DeviceEntryError, string>> = {
  wrong: 'This code is not valid. Check it on your device and type it again.',
  interrupted: 'You stopped this sign-in. Nothing was connected.',
  failed: 'Something went wrong. Ask your device for a new code and try again.',
}

const UNITS = [
  [31_536_000, 'year'],
  [86_400, 'day'],
  [3600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
] as const

/** A length of time in words, in its largest fitting unit, rounded: 300 is "5 minutes". */
export function duration(lengthSeconds: number): string {
  const [size, unit] = UNITS.find(([unitSeconds]) => lengthSeconds >= unitSeconds) ?? [1, 'second']
  const count = Math.round(lengthSeconds / size)
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

// Made once: it takes longer than the rest of a page.
const letters = new Intl.Segmenter('en', { granularity: 'grapheme' })

/** The letter that an app is struck with: the first of its name, as people count letters. */
function initialOf(name: string): string {
  const [first] = letters.segment(name.trim())
  return first?.segment.toLocaleUpperCase('en') ?? '?'
}

function asker(client: Asker | undefined): (Asker & { readonly initial: string }) | undefined {
  return client && { ...client, initial: initialOf(client.name) }
}

function signInProblem(error: SignInError | undefined): string | undefined {
  switch (error?.kind) {
    case undefined:
      return undefined
    case 'wrong':
      return 'The name or the password is wrong.'
    case 'throttled':
      return `Too many attempts. Try again in ${duration(Math.max(1, error.minutes) * 60)}.`
    default:
      return error satisfies never
  }
}

function readAssets(directory: string): ReadonlyMap<string, Asset> {
  return new Map(
    ASSETS.map(([name, type]) => {
      const body = readFileSync(join(directory, 'assets', name))
      return [
        `/assets/${name}`,
        { body, type, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` },
      ]
    }),
  )
}

function signInFacts(model: SignInModel): object {
  return {
    ...model,
    login: model.login ?? '',
    client: asker(model.client),
    problem: signInProblem(model.error),
    wrong: model.error?.kind === 'wrong',
  }
}

function consentFacts(model: ConsentModel): object {
  return { ...model, client: asker(model.client), lasts: duration(model.lifetimeSeconds) }
}

function homeFacts(model: HomeModel): object {
  const base = model.issuer.replace(/\/$/, '')
  return {
    ...model,
    links: [
      {
        href: `${base}/.well-known/openid-configuration`,
        title: 'OpenID configuration',
        about: 'What this server can do, for any OpenID Connect library.',
      },
      {
        href: `${base}/.well-known/oauth-authorization-server`,
        title: 'OAuth metadata',
        about: 'The same for OAuth clients.',
      },
      { href: `${base}/jwks`, title: 'Signing keys', about: 'Public keys with which anyone can verify its tokens.' },
      ...(model.links ?? []),
    ],
    commands: [
      { about: 'What it can do', command: `curl -s ${base}/.well-known/openid-configuration` },
      ...model.commands,
    ],
  }
}

/** Compiles the templates under `directory` and reads its assets. Throws at once when one is missing or broken. */
export function createViews(input: { readonly directory: string; readonly branding: Branding }): Views {
  const eta = new Eta({ autoEscape: true, cache: true })
  for (const name of TEMPLATES) eta.loadTemplate(`@${name}`, readFileSync(join(input.directory, `${name}.eta`), 'utf8'))
  const assets = readAssets(input.directory)
  // The version in an asset's address is its content: a page never meets a stylesheet of another release.
  const href = (name: string): string => `/assets/${name}?v=${assets.get(`/assets/${name}`)?.etag.slice(1, 9) ?? ''}`
  const brand = {
    name: input.branding.name,
    initial: initialOf(input.branding.name),
    accent: input.branding.accent ?? 'verdigris',
    css: href('mintmark.css'),
    icon: href('favicon.svg'),
  }
  const render = (page: Page, facts: object): string => eta.render(`@${page}`, { ...facts, brand })

  return {
    signIn: (model) => render('oidc/sign-in', signInFacts(model)),
    consent: (model) => render('oidc/consent', consentFacts(model)),
    deviceEntry: (model) =>
      render('oidc/device-entry', {
        ...model,
        userCode: model.userCode ?? '',
        form: libraryForm(model.form),
        problem: model.error && DEVICE_ERRORS[model.error],
      }),
    deviceConfirm: (model) =>
      render('oidc/device-confirm', { ...model, form: libraryForm(model.form), client: asker(model.client) }),
    deviceDone: (model) => render('oidc/device-done', { client: asker(model.client) }),
    signOut: (model) => render('oidc/sign-out', { form: libraryForm(model.form), client: asker(model.client) }),
    signedOut: (model) => render('oidc/signed-out', { client: asker(model.client) }),
    error: (model) =>
      render('oidc/error', {
        ...model,
        title: model.title ?? 'This request can’t go on',
        hint: model.hint ?? 'Go back to the app and start again.',
      }),
    expired: (model) => render('oidc/expired', model),
    home: (model) => render('oidc/home', homeFacts(model)),
    claim: (model) => render('admin/claim', { ...model, login: model.login ?? '' }),
    claimed: () => render('admin/claimed', {}),
    wrapped: () => render('handover/wrapped', { script: href('wrapped.js') }),
    asset: (path) => assets.get(path),
  }
}
