/** What is generated, from which source. The check `generated files` compares; `npm run generate` writes. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { floors } from '../check/floors.ts'
import { apiPage, type Described, problemPages } from './api.ts'
import { drawFloors, withDrawing } from './drawing.ts'
import { configurationPage, type Entry, environmentExample } from './settings.ts'
import { type Declaration, storagePage } from './storage.ts'

/** A file as it should stand, relative to the repository. */
export interface Generated {
  readonly path: string
  readonly text: string
}

/** `as` stands here, where a module of ours is loaded by path: its own types are checked by tsc. */
async function load<T>(root: string, path: string): Promise<T> {
  return (await import(pathToFileURL(join(root, path)).href)) as T
}

async function settings(root: string): Promise<readonly Generated[]> {
  const source = 'src/config/index.ts'
  if (!existsSync(join(root, source))) return []
  const { environment, configuration } = await load<
    Readonly<Record<'environment' | 'configuration', readonly Entry[]>>
  >(root, source)
  return [
    { path: '.env.example', text: environmentExample(environment) },
    { path: 'docs/configuration.md', text: configurationPage(environment, configuration) },
  ]
}

async function storage(root: string): Promise<readonly Generated[]> {
  const source = 'src/app.ts'
  if (!existsSync(join(root, source))) return []
  const { collections } = await load<{ readonly collections: readonly Declaration[] }>(root, source)
  return [{ path: 'docs/storage.md', text: storagePage(collections) }]
}

async function api(root: string): Promise<readonly Generated[]> {
  const source = 'src/admin/index.ts'
  if (!existsSync(join(root, source))) return []
  const { described } = await load<{ readonly described: Described }>(root, source)
  const { refusalTables } = await load<{ readonly refusalTables: readonly unknown[] }>(root, 'src/app.ts')
  return [{ path: 'docs/api.md', text: apiPage(described) }, ...problemPages(described, refusalTables)]
}

function architecture(root: string): readonly Generated[] {
  const path = 'ARCHITECTURE.md'
  if (!existsSync(join(root, path))) return []
  const drawing = drawFloors(floors, (room) => existsSync(join(root, room)))
  return [{ path, text: withDrawing(readFileSync(join(root, path), 'utf8'), drawing) }]
}

/** Everything that is generated under `root`. A source that does not exist gives nothing. */
export async function generate(root: string): Promise<readonly Generated[]> {
  return [...(await settings(root)), ...(await storage(root)), ...(await api(root)), ...architecture(root)]
}
