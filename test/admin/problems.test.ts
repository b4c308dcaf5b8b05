/** Wherever a problem's `type` may lead there is a page, and nowhere else. The rooms' sources are read, so that a new table can't be forgotten. */

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { meaningsOf, pageOf } from '../../src/admin/pages.ts'
import { refusalTables } from '../../src/app.ts'
import { openRest } from '../support/rest.ts'

const ROOT = resolve(import.meta.dirname, '../../src')

/** Tables that no verb behind REST refuses from, each with the reason. A table that comes to stand behind REST leaves this list. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  'cli/desk.ts': 'the command line alone: the app in it has no such member',
  'live.ts': 'the command line alone: `config reload` where no server runs',
  'app-tokens.ts': 'the command line alone: `policy simulate` of a file',
}

interface Row {
  readonly file: string
  readonly code: string
  readonly status: number
}

const sources = readdirSync(ROOT, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts') && path !== join('base', 'refusal.ts'))
  .map((file) => ({ file, text: readFileSync(join(ROOT, file), 'utf8') }))
const makers = sources.filter(({ text }) => /\brefusals\(/.test(text))
const rows: readonly Row[] = makers.flatMap(({ file, text }) =>
  [...text.matchAll(/\b(\w+): \[\s*([45]\d\d),/g)].map(([, code = '', status]) => ({
    file,
    code,
    status: Number(status),
  })),
)

describe('the pages of problems', () => {
  const known = meaningsOf(refusalTables)

  it('are there for every row of every table that REST may answer with, under its own status', () => {
    assert.ok(makers.length >= 12 && rows.length > 100, 'the tables are found')
    for (const { file } of makers)
      assert.ok(
        rows.some((row) => row.file === file),
        `${file}: a table of another shape`,
      )
    for (const { file, code, status } of rows) {
      const has = known.get(code)?.some((one) => one.status === status)
      assert.ok(has || file in ELSEWHERE, `${file}: ${code} (${status}) has no page: is its table in src/app.ts?`)
    }
    const inTables = new Set(rows.map(({ code }) => code))
    assert.deepEqual(
      [...known.keys()].filter((code) => !inTables.has(code)),
      [],
      'and for nothing else',
    )
  })

  it('can miss no refusal that is made without a table', () => {
    const loose = sources.filter(({ text }) => /new Refusal\(/.test(text)).map(({ file }) => file)
    assert.deepEqual(loose, [])
    for (const file of Object.keys(ELSEWHERE))
      assert.ok(
        makers.some((one) => one.file === file),
        `${file} has none`,
      )
  })

  it('say in words what each room means by the code, and what to do', () => {
    for (const [code, meanings] of known) {
      const page = pageOf(code, meanings)
      assert.ok(page.startsWith(`${code}\n\n`))
      for (const { about, words, remedy } of meanings) {
        assert.ok(page.includes(about) && page.includes(words) && page.includes(remedy), code)
        assert.ok(words.length > 10 && remedy.length > 20, code)
      }
    }
  })

  it('are served for every code, and 404 for any other', async () => {
    const world = await openRest('sqlite')
    for (const code of known.keys()) {
      const page = await world.page(`/docs/problems/${code}`)
      assert.deepEqual([page.status, (await page.text()).startsWith(`${code}\n`)], [200, true], code)
    }
    for (const other of ['', 'nothing', 'constructor', '__proto__', 'token_state/x', 'Token_State'])
      assert.equal((await world.page(`/docs/problems/${other}`)).status, 404, other)
    await world.close()
  })
})
