/** The link that claims the first administrator: inert to look at, good once, dead with its use, its age or another's. */

import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Browser } from '../support/browser.ts'
import { startProcess } from '../support/process.ts'
import { openWorld, STORES } from '../support/world.ts'

const PASSWORD = 'copper thistle walks at noon'

for (const kind of STORES) {
  describe(`the first administrator's link on ${kind}`, () => {
    it('makes one administrator of 16 rivals, and is dead afterwards', async () => {
      const world = await openWorld(kind)
      try {
        const link = (await world.app.admin.claimLink()) ?? ''
        world.keepSecret(new URL(link, world.issuer).searchParams.get('code') ?? '')
        const page = await new Browser(world).request(link)
        assert.equal(page.status, 200)
        const browser = new Browser(world)
        const rivals = await Promise.all(
          Array.from({ length: 16 }, (_, n) => browser.submit(page, { login: `admin${n}`, password: PASSWORD })),
        )
        assert.equal(rivals.filter(({ status }) => status === 200).length, 1)
        assert.equal(rivals.filter(({ status }) => status === 410).length, 15)
        assert.equal((await world.app.accounts.list()).filter(({ person }) => person.administrator).length, 1)
        assert.equal((await browser.request(link)).status, 410)
        assert.equal(await world.app.admin.claimLink(), undefined)
      } finally {
        await world.close()
      }
    })
  })
}

describe("the first administrator's link", () => {
  it('is dead after 15 minutes, refuses a weak password in words, and a form that is not ours', async () => {
    const world = await openWorld('sqlite')
    try {
      const link = (await world.app.admin.claimLink()) ?? ''
      const browser = new Browser(world)
      const page = await browser.request(link)
      const weak = await browser.submit(page, { login: 'admin', password: 'short' })
      assert.equal(weak.status, 400)
      assert.match(weak.text, /at least 15 characters/)
      assert.equal(
        (await browser.request(link, { form: { csrf: 'guessed', login: 'admin', password: PASSWORD } })).status,
        410,
      )
      world.clock.forward(901)
      assert.equal((await browser.request(link)).status, 410)
      assert.equal((await browser.submit(page, { login: 'admin', password: PASSWORD })).status, 410)
      assert.equal((await world.app.accounts.list()).length, 0)
    } finally {
      await world.close()
    }
  })

  it('goes to a file that only its owner can read when there is no terminal, and into no output', async () => {
    const server = await startProcess()
    try {
      const file = join(server.dataDir, 'administrator-link')
      assert.equal(statSync(file).mode & 0o777, 0o600)
      const link = readFileSync(file, 'utf8').trim()
      server.keepSecret(new URL(link).searchParams.get('code') ?? '')
      assert.equal((await fetch(link)).status, 200)
      assert.equal(server.output.includes('/admin/claim'), false)
    } finally {
      await server.stop()
    }
  })
})
