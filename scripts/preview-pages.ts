/**
 * Renders every page with sample models into a folder, with screenshots: `node scripts/preview-pages.ts FOLDER`.
 * Owns the samples and a small server that answers under the pages' strict Content-Security-Policy; the browser tests use both.
 */

import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import type { Views } from '../src/http/pages.ts'
import { createViews } from '../src/http/views.ts'

export const CSP = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'"
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const client = { name: 'Larkspur Ledger', host: 'ledger.larkspur.example' }
const own = { action: '/interaction/8sJ2', csrf: 'sample-token' }
const hidden = '<input type="hidden" name="xsrf" value="sample"/>'
const confirmForm = `<form id="op.deviceConfirmForm" method="post" action="/device">\n${hidden}\n<input type="hidden" name="user_code" value="WDJB-MJHT"/>\n<input type="hidden" name="confirm" value="yes"/>\n</form>`
const inputForm = `<form id="op.deviceInputForm" novalidate method="post" action="/device">\n  ${hidden}\n  <input\n    type="text" name="user_code" placeholder="Enter code" onfocus="this.select(); this.onfocus = undefined;" autofocus autocomplete="off"></input>\n  </form>`
const logoutForm = `<form id="op.logoutForm" method="post" action="/session/end/confirm">${hidden}</form>`
const groups = [
  {
    title: 'About you',
    scopes: [
      { scope: 'openid', words: 'Know that it is you' },
      { scope: 'email', words: 'See your e-mail address' },
    ],
  },
  {
    title: 'Invoices',
    audience: 'https://invoices.larkspur.example',
    scopes: [
      { scope: 'invoices:read', words: 'Read your invoices' },
      { scope: 'invoices:write', words: 'Create and change invoices in your name' },
    ],
  },
]

/** The pages with sample models, by file name. */
export function samplePages(views: Views): Readonly<Record<string, string>> {
  return {
    'sign-in': views.signIn({ ...own, client }),
    'sign-in-plain': views.signIn(own),
    'sign-in-wrong': views.signIn({ ...own, client, login: 'maria@example.com', error: { kind: 'wrong' } }),
    'sign-in-throttled': views.signIn({
      ...own,
      client,
      login: 'maria@example.com',
      error: { kind: 'throttled', minutes: 12 },
    }),
    consent: views.consent({
      ...own,
      client,
      account: 'maria@example.com',
      groups,
      lifetimeSeconds: 31_536_000,
      offline: true,
      redirectHost: client.host,
    }),
    'consent-present': views.consent({
      ...own,
      client,
      account: 'maria@example.com',
      groups: [],
      lifetimeSeconds: 1_209_600,
      offline: false,
      redirectHost: client.host,
    }),
    'device-entry': views.deviceEntry({ form: inputForm }),
    'device-entry-wrong': views.deviceEntry({ form: inputForm, userCode: 'WDJB-MJHX', error: 'wrong' }),
    'device-confirm': views.deviceConfirm({
      form: confirmForm,
      client: { name: 'Larkspur TV' },
      userCode: 'WDJB-MJHT',
      device: { network: '203.0.113.0/24', userAgent: 'LarkspurTV/4.2 (webOS; living room)' },
    }),
    'device-done': views.deviceDone({ client: { name: 'Larkspur TV' } }),
    'sign-out': views.signOut({ form: logoutForm, client }),
    'signed-out': views.signedOut({ client }),
    claim: views.claim({ ...own }),
    'claim-weak': views.claim({
      ...own,
      login: 'maria',
      problem: 'A password has at least 15 characters; a few words in a row do well.',
    }),
    claimed: views.claimed(),
    error: views.error({
      sentence: 'The app asked in a way that this server does not accept.',
      code: 'invalid_request',
      requestId: '01JD8S3V7QK2',
    }),
    expired: views.expired({ requestId: '01JD8S3V7QK2' }),
    home: views.home({ issuer: 'http://localhost:3000', commands: [] }),
  }
}

/** Serves `pages` and their assets on loopback under the strict policy; `close` ends it. */
export async function servePages(
  views: Views,
  pages: Readonly<Record<string, string>>,
): Promise<{ readonly origin: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname
    const asset = views.asset(path)
    const page = pages[path.slice(1)]
    response.setHeader('Content-Security-Policy', CSP)
    response.statusCode = asset || page !== undefined ? 200 : 404
    response.setHeader('Content-Type', asset?.type ?? 'text/html; charset=utf-8')
    response.end(asset?.body ?? page ?? 'not found')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Starts the browser of the tests: `CHROMIUM`, or the system's. */
export function launchBrowser(executablePath: string): Promise<Browser> {
  return chromium.launch({ executablePath, args: ARGUMENTS })
}

async function preview(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const views = createViews({ directory: join(import.meta.dirname, '../views'), branding: { name: 'Mintmark' } })
  const pages = samplePages(views)
  const server = await servePages(views, pages)
  const browser = await launchBrowser(process.env.CHROMIUM ?? '/usr/bin/chromium')
  const shots = [
    ['1280-light', 1280, 860, 'light'],
    ['1280-dark', 1280, 860, 'dark'],
    ['390', 390, 844, 'light'],
  ] as const
  for (const [label, width, height, colorScheme] of shots) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme })
    page.on('console', (message) => {
      if (message.type() === 'error') console.error(label, message.text())
    })
    for (const [name, html] of Object.entries(pages)) {
      await page.goto(`${server.origin}/${name}`)
      await page.screenshot({ path: join(folder, `${name}-${label}.png`), fullPage: true })
      writeFileSync(join(folder, `${name}.html`), html)
    }
    await page.close()
  }
  await browser.close()
  await server.close()
}

if (import.meta.main) {
  const folder = process.argv[2]
  if (folder === undefined) throw new Error('usage: node scripts/preview-pages.ts FOLDER')
  await preview(folder)
}
