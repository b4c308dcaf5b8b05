/** Finds or makes the master key. It wraps every other key; whoever has it and the store has all. */

import { createSecretKey, type KeyObject } from 'node:crypto'
import { existsSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { isLoopback, type Random } from '../base/index.ts'
import { BadConfiguration, type Environment } from '../config/index.ts'

const FORMS = 'must be 32 bytes as 64 hexadecimal digits or as base64'

function parse(text: string, where: string): KeyObject {
  const trimmed = text.trim()
  const bytes = /^[0-9a-f]{64}$/i.test(trimmed) ? Buffer.from(trimmed, 'hex') : Buffer.from(trimmed, 'base64')
  if (bytes.length !== 32) throw new BadConfiguration(`${where}: ${FORMS}`)
  return createSecretKey(bytes)
}

function isInside(file: string, directory: string): boolean {
  const way = relative(
    realpathSync(directory),
    existsSync(file) ? realpathSync(file) : join(realpathSync(dirname(file)), 'x'),
  )
  return !way.startsWith('..')
}

function refuseOpenFile(file: string): void {
  if (statSync(file).mode & 0o077)
    throw new BadConfiguration(`${file}: others may read the master key; take that right away (chmod 600)`)
}

/**
 * The master key: MASTER_KEY, MASTER_KEY_FILE, or a generated file (0600) in DATA_DIR.
 * Outside loopback a key inside DATA_DIR is refused: any copy of that folder would open everything (DESIGN rule 6).
 */
export function masterKey(env: Environment, input: { readonly issuer: URL; readonly random: Random }): KeyObject {
  if (env.MASTER_KEY) return parse(env.MASTER_KEY, 'MASTER_KEY')
  const file = resolve(env.MASTER_KEY_FILE ?? join(env.DATA_DIR, 'master.key'))
  const exposed = !isLoopback(input.issuer.hostname) || !isLoopback(env.HOST)
  if (exposed && isInside(file, env.DATA_DIR)) {
    throw new BadConfiguration(
      'MASTER_KEY_FILE: outside loopback the master key must not lie in DATA_DIR, since any copy of that folder would open everything; set MASTER_KEY_FILE to a file elsewhere',
    )
  }
  if (!existsSync(file)) {
    if (env.MASTER_KEY_FILE) throw new BadConfiguration(`${file}: there is no such file (MASTER_KEY_FILE)`)
    writeFileSync(file, `${input.random.bytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx' })
  }
  refuseOpenFile(file)
  return parse(readFileSync(file, 'utf8'), file)
}
