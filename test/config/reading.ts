/** Configuration files for tests, and reading them afresh. */

import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Configuration, type Fresh, readFresh } from '../../src/config/index.ts'
import { policyOf } from '../../src/rotation/index.ts'
import { OUTPUT } from '../support/world.ts'

export const uid = process.getuid?.()
const open: Fresh[] = []

/** A folder with files; the configuration is the first. */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(OUTPUT, 'config-'))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o644 })
  return join(folder, Object.keys(files)[0] ?? '')
}

/** Reads a file afresh; `closeAll` ends what it leaves. */
export async function read(path: string, more: { previous?: Configuration; limitMs?: number } = {}): Promise<Fresh> {
  const fresh = await readFresh(path, { uid, revive: policyOf, ...more })
  open.push(fresh)
  return fresh
}

/** A configuration of one file. */
export const config = (text: string): string => folderOf({ 'mintmark.config.ts': text })

/** Ends the threads of what was read; after each test. */
export async function closeAll(): Promise<void> {
  await Promise.all(open.splice(0).map((fresh) => fresh.close()))
}
