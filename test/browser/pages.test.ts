/** Guarantees of the pages in a browser, under their real Content-Security-Policy: accessible, by keyboard, on a phone, without JavaScript. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Browser, Page } from 'playwright-core'
import { launchBrowser, samplePages, servePages } from '../../scripts/preview-pages.ts'
import { ACCENTS } from '../../src/http/pages.ts'
import { createViews } from '../../src/http/views.ts'

const directory = join(import.meta.dirname, '../../views')
const views = createViews({ directory, branding: { name: 'Mintmark' } })
const long = `${'Wolfeschlegelsteinhausenbergerdorff'.repeat(3)} & Sons`
const branded = ACCENTS.map((accent) => [
  `accent-${accent}`,
  createViews({ directory, branding: { name: 'Öresund Bank', accent } }).signIn({
    action: '/',
    csrf: 't',
    client: { name: long, host: `${'a'.repeat(60)}.example` },
    error: { kind: 'wrong' },
  }),
])
const pages: Readonly<Record<string, string>> = { ...samplePages(views), ...Object.fromEntries(branded) }

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}

async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate<readonly Violation[]>(
    'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) => r.violations)',
  )
  return found.map(
    (violation) =>
      `${violation.id}: ${violation.nodes.map((node) => `${node.html} ${node.failureSummary ?? ''}`).join('; ')}`,
  )
}

describe('pages in a browser', function () {
  this.timeout(60_000)
  let browser: Browser
  let server: Awaited<ReturnType<typeof servePages>>

  before(async () => {
    server = await servePages(views, pages)
    browser = await launchBrowser(process.env.CHROMIUM ?? '/usr/bin/chromium')
  })

  after(async () => {
    await browser?.close()
    await server?.close()
  })

  async function opened(
    name: string,
    options: Parameters<Browser['newPage']>[0] = {},
  ): Promise<{ readonly page: Page; readonly refused: string[] }> {
    const page = await browser.newPage(options)
    const refused: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error') refused.push(message.text())
    })
    page.on('requestfailed', (request) => refused.push(request.url()))
    await page.goto(`${server.origin}/${name}`)
    return { page, refused }
  }

  for (const name of Object.keys(pages)) {
    for (const colorScheme of ['light', 'dark'] as const) {
      it(`${name}: has no axe violation in ${colorScheme}, and the policy refuses nothing of it`, async () => {
        const { page, refused } = await opened(name, { colorScheme })
        assert.deepEqual(await violations(page), [])
        assert.deepEqual(refused, [])
        await page.close()
      })
    }

    it(`${name}: fits 320 pixels without scrolling sideways, and has targets of 44 pixels`, async () => {
      const { page } = await opened(name, { viewport: { width: 320, height: 640 } })
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320)
      for (const button of await page.locator('button, input:not([type=hidden])').all())
        assert.ok(((await button.boundingBox())?.height ?? 0) >= 44)
      await page.close()
    })
  }

  it('sign-in: goes by keyboard from name to password to the buttons, each with a focus one sees', async () => {
    const { page } = await opened('sign-in')
    const order: unknown[] = []
    for (let step = 0; step < 4; step++) {
      await page.keyboard.press('Tab')
      order.push(await page.evaluate('document.activeElement.id || document.activeElement.value'))
      assert.equal(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'), 'solid')
      assert.equal(await page.evaluate('getComputedStyle(document.activeElement).outlineWidth'), '3px')
    }
    assert.deepEqual(order, ['login', 'password', 'sign-in', 'cancel'])
    await page.close()
  })

  it('sign-in: without JavaScript, Enter in the password posts the sign-in and its token', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(`${server.origin}/sign-in`)
    await page.getByLabel('Name or e-mail address').fill('maria')
    await page.getByLabel('Password').fill('correct horse')
    const [request] = await Promise.all([
      page.waitForRequest((sent) => sent.method() === 'POST'),
      page.keyboard.press('Enter'),
    ])
    assert.deepEqual(Object.fromEntries(new URLSearchParams(request.postData() ?? '')), {
      csrf: 'sample-token',
      login: 'maria',
      password: 'correct horse',
      do: 'sign-in',
    })
    await context.close()
  })

  it('sign-in: cancels with both fields empty', async () => {
    const { page } = await opened('sign-in')
    const [request] = await Promise.all([
      page.waitForRequest((sent) => sent.method() === 'POST'),
      page.getByRole('button', { name: 'Cancel' }).click(),
    ])
    assert.equal(new URLSearchParams(request.postData() ?? '').get('do'), 'cancel')
    await page.close()
  })

  it("sign-out: the button outside the form posts the library's token and answer", async () => {
    const { page } = await opened('sign-out')
    const [request] = await Promise.all([
      page.waitForRequest((sent) => sent.method() === 'POST'),
      page.getByRole('button', { name: 'Sign out' }).click(),
    ])
    assert.deepEqual(Object.fromEntries(new URLSearchParams(request.postData() ?? '')), {
      xsrf: 'sample',
      logout: 'yes',
    })
    await page.close()
  })

  it('keeps its drawings and buttons visible in forced colours, and moves nothing when motion is reduced', async () => {
    const { page } = await opened('sign-in', { forcedColors: 'active', reducedMotion: 'reduce' })
    assert.notEqual(
      await page.evaluate('getComputedStyle(document.querySelector(".struck"), "::before").backgroundColor'),
      'rgba(0, 0, 0, 0)',
    )
    assert.equal(await page.evaluate('getComputedStyle(document.querySelector("button")).borderTopStyle'), 'solid')
    assert.equal(await page.evaluate('getComputedStyle(document.querySelector("button")).transitionDuration'), '0s')
    await page.close()
  })
})
