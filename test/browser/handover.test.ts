/** A wrapped secret in a real Chromium: looked at, opened, kept from the server and from the history, and alarming when opened twice. */

import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchBrowser } from '../../scripts/preview-pages.ts'
import { Secret } from '../../src/base/index.ts'
import { type LeakRoom, openLeakRoom } from '../support/leak-room.ts'
import { OUTPUT } from '../support/world.ts'

const PICTURES = join(OUTPUT, 'screenshots')
mkdirSync(PICTURES, { recursive: true })

async function violations(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate<readonly { readonly id: string; readonly nodes: readonly { html: string }[] }[]>(
    'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then((r) => r.violations)',
  )
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join('; ')}`)
}

/** A browser and a room for a describe, with what its tests do with them. */
function stage() {
  let browser: Browser
  let context: BrowserContext
  let room: LeakRoom
  before(async () => {
    browser = await launchBrowser(process.env.CHROMIUM ?? '/usr/bin/chromium')
    room = await openLeakRoom('sqlite')
  })
  after(async () => {
    await browser?.close()
    await room?.close()
  })
  afterEach(() => context?.close())

  async function wrapped(): Promise<{ readonly text: string; readonly id: string; readonly address: string }> {
    const token = await room.mint()
    const unit = room.unit()
    const order = { text: new Secret(token.text), token: token.id, by: 'operator' }
    const { address } = room.handover.wrap(unit, order, { lifetimeSeconds: 300 })
    await room.commit(unit)
    room.keepSecret(new URL(address).hash.slice(1))
    return { ...token, address }
  }

  /** A page with whatever it sent and whatever the policy refused. */
  async function opened(address: string, options: Parameters<Browser['newContext']>[0] = {}) {
    context = await browser.newContext(options)
    const page = await context.newPage()
    const sent: string[] = []
    const refused: string[] = []
    page.on('request', (request) => sent.push(`${request.method()} ${request.url()} ${request.postData() ?? ''}`))
    page.on('console', (message) => {
      if (message.type() === 'error') refused.push(message.text())
    })
    page.on('pageerror', (error) => refused.push(error.message))
    await page.goto(address)
    return { page, sent, refused }
  }

  return {
    wrapped,
    opened,
    leave: () => context.close(),
    stateOf: (id: string) => room.stateOf(id),
  }
}

describe('a wrapped secret in a browser', function () {
  this.timeout(60_000)
  const { wrapped, opened, leave, stateOf } = stage()

  it('is shown at a press, without the server ever seeing key or text, and leaves no key in the history', async () => {
    const { text, id, address } = await wrapped()
    const { page, sent, refused } = await opened(address)
    await page.waitForSelector('#open:visible')
    await page.screenshot({ path: join(PICTURES, 'wrapped.png'), fullPage: true })
    assert.ok(!sent.some((line) => line.startsWith('POST')), 'looking opens nothing')
    await page.click('#open')
    await page.waitForSelector('#secret:visible')
    assert.equal(await page.inputValue('#secret'), text)
    const key = new URL(address).hash.slice(1)
    assert.ok(sent.some((line) => line.startsWith('POST')))
    for (const line of sent) assert.ok(!line.replace(/#.*/, '').includes(key) && !line.includes(text))
    assert.equal(await page.evaluate('location.hash'), '')
    assert.equal(await page.evaluate('document.activeElement.id'), 'secret')
    assert.deepEqual(refused, [])
    assert.equal(await stateOf(id), 'active')
  })

  it('opened in a second browser says so, shows nothing, and revokes the token', async () => {
    const { id, address } = await wrapped()
    const first = await opened(address)
    await first.page.click('#open')
    await first.page.waitForSelector('#secret:visible')
    await leave()
    const { page } = await opened(address)
    await page.click('#open')
    await page.waitForSelector('#problem:visible')
    assert.match((await page.textContent('#problem')) ?? '', /opened before, by somebody else/)
    assert.equal(await page.inputValue('#secret'), '')
    assert.equal(await stateOf(id), 'revoked')
  })

  it('with a cut or wrong key is nothing, and opens afterwards with the right one', async () => {
    const { id, text, address } = await wrapped()
    const cut = await opened(address.slice(0, -5))
    assert.match((await cut.page.textContent('#problem')) ?? '', /not whole/)
    await leave()
    const other = await opened(address.replace(/#.*/, `#${'A'.repeat(43)}`))
    await other.page.click('#open')
    await other.page.waitForSelector('#problem:visible')
    await leave()
    const { page } = await opened(address)
    await page.click('#open')
    await page.waitForSelector('#secret:visible')
    assert.equal(await page.inputValue('#secret'), text)
    assert.equal(await stateOf(id), 'active')
  })
})

describe('the page of a wrapped secret in a browser', function () {
  this.timeout(60_000)
  const { wrapped, opened, stateOf } = stage()

  it('that did not reach the server is tried again without alarm', async () => {
    const { id, text, address } = await wrapped()
    const { page } = await opened(address)
    // The answer is lost on its way: the server has opened it.
    await page.route(
      '**/wrapped/*',
      async (route) => {
        await route.fetch()
        await route.abort()
      },
      { times: 1 },
    )
    await page.click('#open')
    await page.waitForSelector('#problem:visible')
    assert.match((await page.textContent('#problem')) ?? '', /Try again/)
    await page.click('#open')
    await page.waitForSelector('#secret:visible')
    assert.equal(await page.inputValue('#secret'), text)
    assert.equal(await stateOf(id), 'active')
  })

  for (const colorScheme of ['light', 'dark'] as const)
    it(`has no axe violation in ${colorScheme}, closed and opened, and fits 320 pixels`, async () => {
      const { address } = await wrapped()
      const { page } = await opened(address, { colorScheme, viewport: { width: 320, height: 640 }, bypassCSP: false })
      await page.waitForSelector('#open:visible')
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320)
      assert.deepEqual(await violations(page), [])
      await page.click('#open')
      await page.waitForSelector('#secret:visible')
      await page.screenshot({ path: join(PICTURES, `wrapped-${colorScheme}.png`), fullPage: true })
      assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320)
      assert.deepEqual(await violations(page), [])
      for (const button of await page.locator('button:visible').all())
        assert.ok(((await button.boundingBox())?.height ?? 0) >= 44)
    })

  it('without JavaScript says what it needs, and opens nothing', async () => {
    const { id, address } = await wrapped()
    const { page } = await opened(address, { javaScriptEnabled: false })
    assert.ok(await page.locator('noscript .problem').isVisible())
    assert.equal(await page.locator('button:visible').count(), 0)
    assert.equal(await stateOf(id), 'active')
  })
})
