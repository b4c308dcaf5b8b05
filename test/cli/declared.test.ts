/** Clients of the configuration and the processes that come and go around one store: servers declare them, commands never do. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { startProcess } from '../support/process.ts'
import { OUTPUT } from '../support/world.ts'

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts')
const run = promisify(execFile)

describe('the clients of the configuration', () => {
  it('come with a server, and outlast a command that is run where there is no configuration', async () => {
    const CONFIG = join(mkdtempSync(join(OUTPUT, 'config-')), 'mintmark.config.ts')
    const declared = (ids: readonly string[]): void =>
      writeFileSync(
        CONFIG,
        `export default { clients: ${JSON.stringify(ids.map((client_id) => ({ client_id, client_secret: `secret of ${client_id}`, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] })))} }`,
        { mode: 0o644 },
      )
    declared(['first', 'second'])
    const server = await startProcess({ env: { CONFIG } })
    try {
      const status = async (id: string): Promise<number> =>
        (
          await fetch(new URL('/token', server.issuer), {
            method: 'POST',
            headers: { authorization: `Basic ${btoa(`${id}:secret%20of%20${id}`)}` },
            body: new URLSearchParams({ grant_type: 'client_credentials' }),
          })
        ).status
      assert.deepEqual([await status('first'), await status('second')], [200, 200])
      await server.stop()
      const { PATH = '' } = process.env
      const { stdout } = await run(process.execPath, [MAIN, 'client', 'list', '--json'], {
        env: { PATH, DATA_DIR: server.dataDir },
      })
      const listed: readonly { readonly client_id: string }[] = JSON.parse(stdout)
      assert.deepEqual(
        listed
          .map(({ client_id }) => client_id)
          .filter((id) => !id.startsWith('demo'))
          .sort(),
        ['first', 'second'],
      )
      declared(['first'])
      await server.start()
      assert.deepEqual([await status('first'), await status('second')], [200, 401])
    } finally {
      await server.stop()
    }
  })
})
