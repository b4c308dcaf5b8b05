import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStore } from '../../../adapters/sqlite/index.ts'
import { fill, sortable } from '../../../bench/grow/fill.ts'
import { collections } from '../../../src/app.ts'
import { artefacts } from '../../../src/oidc/records.ts'

describe('filling a store in order of id', () => {
  it('makes texts that sort as their numbers do', () => {
    const numbers = [0, 1, 63, 64, 4095, 4096, 64 ** 3, 64 ** 4 - 1]
    const texts = numbers.map(sortable)
    assert.deepEqual([...texts].sort(), texts)
    assert.equal(new Set(texts).size, numbers.length)
    assert.ok(texts.every((text) => text.length === 4))
  })

  it('leaves a store that the server opens, with as many tokens as were asked for', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mintmark-fill-'))
    try {
      const file = join(folder, 'filled.db')
      const texts = await fill(file, 300, 20)
      assert.equal(new Set(texts).size, 20)
      const store = await openSqliteStore({ file, collections })
      const found = await store.scan(artefacts.name, { limit: 1000 })
      await store.close()
      assert.equal(found.length, 300)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
