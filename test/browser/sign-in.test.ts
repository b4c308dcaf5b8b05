/** Signing in with a real Chromium: the ways that people really take, with a picture of each. */

import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { launchBrowser } from '../../scripts/preview-pages.ts'
import { pkce } from '../support/browser.ts'
import { freePort, type Process, startProcess } from '../support/process.ts'
import { CANARY, furnish, OUTPUT, openWorld, type World } from '../support/world.ts'

const PICTURES = join(OUTPUT, 'screenshots')
const ROOT = resolve(import.meta.dirname, '../..')
mkdirSync(PICTURES, { recursive: true })

describe('a person in a browser', () => {
  let browser: Browser
  let world: World
  let context: BrowserContext
  let answers: URL[]
  before(async () => {
    browser = await launchBrowser(process.env.CHROMIUM ?? '/usr/bin/chromium')
    world = await openWorld('sqlite')
    await furnish(world)
  })
  after(async () => {
    await browser?.close()
    await world?.close()
  })
  beforeEach(async () => {
    context = await browser.newContext()
    answers = []
    // The application is played here: what would reach it is kept, and it answers with a page.
    await context.route('http://localhost:9/**', (route) => {
      answers.push(new URL(route.request().url()))
      return route.fulfill({ contentType: 'text/html', body: '<title>app</title><h1>The application</h1>' })
    })
  })
  afterEach(() => context.close())

  const authUrl = (state: string): string => {
    const parameters = {
      client_id: 'web',
      response_type: 'code',
      redirect_uri: 'http://localhost:9/callback',
      scope: 'openid profile',
      state,
      code_challenge: pkce().challenge,
      code_challenge_method: 'S256',
    }
    return `${world.issuer}/auth?${new URLSearchParams(parameters)}`
  }
  async function picture(page: Page, name: string): Promise<void> {
    await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true })
  }
  async function signIn(page: Page, password: string): Promise<void> {
    await page.fill('[name=login]', CANARY.login)
    await page.fill('[name=password]', password)
    await page.click('button[value=sign-in]')
  }

  it('signs in, allows, and arrives at the application with a code', async () => {
    const page = await context.newPage()
    await page.goto(authUrl('whole'))
    await picture(page, 'sign-in')
    await signIn(page, CANARY.password)
    await page.waitForSelector('button[value=allow]')
    await picture(page, 'consent')
    await page.click('button[value=allow]')
    await page.waitForSelector('text=The application')
    assert.equal(answers[0]?.searchParams.get('state'), 'whole')
    assert.match(answers[0]?.searchParams.get('code') ?? '', /^mm_ac_/)
    assert.equal(answers[0]?.searchParams.get('iss'), world.issuer)
  })

  it('says that a password is wrong, keeps the name, and lets the person try again', async () => {
    const page = await context.newPage()
    await page.goto(authUrl('wrong'))
    await signIn(page, 'not the password at all')
    await page.waitForSelector('[role=alert]')
    await picture(page, 'wrong-password')
    assert.equal(await page.inputValue('[name=login]'), CANARY.login)
    assert.equal(await page.inputValue('[name=password]'), '')
    await signIn(page, CANARY.password)
    await page.waitForSelector('button[value=allow]')
  })

  it('takes a refused consent to the application as access_denied', async () => {
    const page = await context.newPage()
    await page.goto(authUrl('refused'))
    await signIn(page, CANARY.password)
    await page.click('button[value=refuse]')
    await page.waitForSelector('text=The application')
    await picture(page, 'refused')
    assert.equal(answers[0]?.searchParams.get('error'), 'access_denied')
    assert.equal(answers[0]?.searchParams.get('code'), null)
  })

  it('shows a plain page when a person goes back to a form that was used', async () => {
    const page = await context.newPage()
    await page.goto(authUrl('back'))
    const used = page.url()
    await signIn(page, CANARY.password)
    await page.click('button[value=allow]')
    await page.waitForSelector('text=The application')
    await page.goto(used)
    await picture(page, 'back-button')
    assert.match(await page.innerText('main'), /no longer|start again/i)
    assert.equal(answers.length, 1)
  })

  it('shows a plain page when a sign-in page was open for too long', async () => {
    const page = await context.newPage()
    await page.goto(authUrl('expired'))
    await context.clearCookies()
    await signIn(page, CANARY.password)
    await page.waitForSelector('h1')
    await picture(page, 'expired')
    assert.match(await page.innerText('main'), /no longer|start again/i)
    assert.equal(answers.length, 0)
  })

  it('lets two tabs sign in side by side, each for its own request', async () => {
    const [one, two] = [await context.newPage(), await context.newPage()]
    await one.goto(authUrl('tab-one'))
    await two.goto(authUrl('tab-two'))
    // A tab in the background is not drawn, and what is not drawn never counts as visible.
    await one.bringToFront()
    await signIn(one, CANARY.password)
    await one.click('button[value=allow]')
    await one.waitForSelector('text=The application')
    await two.bringToFront()
    await signIn(two, CANARY.password)
    await two.waitForSelector('text=The application')
    await picture(two, 'two-tabs')
    assert.deepEqual(answers.map((url) => url.searchParams.get('state')).sort(), ['tab-one', 'tab-two'])
    assert.ok(answers.every((url) => url.searchParams.get('code')))
  })

  it('signs in with JavaScript switched off', async () => {
    const still = await browser.newContext({ javaScriptEnabled: false })
    await still.route('http://localhost:9/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<h1>The application</h1>' }),
    )
    const page = await still.newPage()
    await page.goto(authUrl('still'))
    await signIn(page, CANARY.password)
    if (await page.isVisible('button[value=allow]')) await page.click('button[value=allow]')
    await page.waitForSelector('text=The application')
    await still.close()
  })
})

describe('the demonstration, as a newcomer meets it', () => {
  let browser: Browser
  let server: Process
  let demo: ChildProcess
  let address: string
  before(async () => {
    browser = await launchBrowser(process.env.CHROMIUM ?? '/usr/bin/chromium')
    server = await startProcess()
    address = 'http://localhost:3001'
    const apiPort = await freePort()
    demo = spawn(process.execPath, [join(ROOT, 'demo/main.ts')], {
      env: { PATH: process.env.PATH ?? '', ISSUER: server.issuer, DEMO_API_PORT: String(apiPort) },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await new Promise<void>((done, fail) => {
      demo.stdout?.on('data', (chunk: Buffer) => chunk.includes('demonstration') && done())
      demo.once('exit', (code) => fail(new Error(`the demonstration ended with ${code}`)))
    })
  })
  after(async () => {
    await browser?.close()
    demo?.kill('SIGTERM')
    await server?.stop()
  })

  it('prints a curl line that gets a token', async () => {
    const line = /curl (-u .*)/.exec(server.output)?.[1] ?? ''
    const { execFile } = await import('node:child_process')
    const answer = await new Promise<string>((done) =>
      execFile('curl', ['-s', ...line.split(' ')], (_error, stdout) => done(stdout)),
    )
    assert.match(answer, /"access_token":"eyJ/)
  })

  it('signs the demonstration account in and shows what the API answers', async () => {
    const password = /with {2}(\S+)/.exec(server.output)?.[1] ?? ''
    const page = await browser.newPage()
    await page.goto(address)
    await page.click('button')
    await page.fill('[name=login]', 'demo')
    await page.fill('[name=password]', password)
    await page.click('button[value=sign-in]')
    await page.click('button[value=allow]')
    await page.waitForSelector('#answer')
    await page.screenshot({ path: join(PICTURES, 'demo.png') })
    assert.match(await page.innerText('#answer'), /"greeting": "The API has verified your token by itself\."/)
    await page.click('form[action="/refresh"] button')
    await page.waitForSelector('#answer')
    await page.click('form[action="/sign-out"] button')
    await page.click('button[value=yes]')
    await page.waitForSelector('text=A small app')
  })
})
