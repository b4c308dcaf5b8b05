/** The published package: packed, installed in a folder of its own, run by the command that it installs. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { startProcess } from '../support/process.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const run = promisify(execFile)

describe('an installed npm pack archive', () => {
  it('serves, prints a curl line that gets a token, and ends on SIGTERM', async function () {
    this.timeout(300_000)
    const folder = mkdtempSync(join(tmpdir(), 'mintmark-package-'))
    await run('npm', ['pack', '--pack-destination', folder], { cwd: ROOT, maxBuffer: 50_000_000 })
    const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? ''
    writeFileSync(join(folder, 'package.json'), '{ "name": "someone", "private": true }')
    await run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', join(folder, archive)], {
      cwd: folder,
      maxBuffer: 50_000_000,
    })
    const { stdout } = await run('tar', ['-tzf', join(folder, archive)])
    assert.equal(
      stdout.split('\n').some((name) => name.endsWith('.ts') && !name.endsWith('.d.ts')),
      false,
      'Node refuses TypeScript under node_modules',
    )
    const configuration =
      "import { defineConfig, idle, type RotationPolicy } from 'mintmark'\nconst own: RotationPolicy = () => ({ do: 'rotate' })\nexport default defineConfig({ branding: { name: 'Packed Mint' }, rotation: [idle('7d'), own] })\n"
    writeFileSync(join(folder, 'mintmark.config.ts'), configuration)
    const server = await startProcess({ command: [join(folder, 'node_modules/.bin/mintmark'), 'serve'], cwd: folder })
    try {
      const credentials = /curl -u (\S+) -d (\S+) -d (\S+)/.exec(server.output) ?? []
      const answer = await fetch(new URL('/token', server.issuer), {
        method: 'POST',
        headers: { authorization: `Basic ${Buffer.from(String(credentials[1])).toString('base64')}` },
        body: new URLSearchParams(`${credentials[2]}&${credentials[3]}`),
      })
      assert.equal(answer.status, 200)
      const page = await fetch(new URL('/', server.issuer))
      assert.match(await page.text(), /Packed Mint/, 'the configuration module imports the package and is read')
      assert.equal(await server.stop(), 0)
    } finally {
      await server.kill()
    }
  })
})
