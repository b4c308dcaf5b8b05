/** Mirror: test/ROOM/ tests src/ROOM/, every room has a test, and whatever is no room stands in a short list. */

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, count, type Finding, filesUnder } from './report.ts'

/** Folders of test/ that mirror no room of src. */
const beyondRooms = ['adapters', 'bench', 'browser', 'demo', 'docs', 'faults', 'flows', 'package', 'scripts', 'support']

function roomsOf(root: string): readonly string[] {
  return readdirSync(join(root, 'src'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && filesUnder(root, [`src/${entry.name}`], isCode).length > 0)
    .map((entry) => entry.name)
}

function isCode(path: string): boolean {
  return path.endsWith('.ts')
}

function faultOf(root: string, path: string): string | undefined {
  const [, folder = '', ...rest] = path.split('/')
  // Last of all by its name: it searches what the whole suite left at rest.
  if (path === 'test/zz-at-rest.test.ts') return undefined
  if (rest.length === 0) {
    const file = folder.replace(/\.test\.ts$/, '.ts')
    return existsSync(join(root, 'src', file)) ? undefined : `mirrors src/${file}, which does not exist`
  }
  if (beyondRooms.includes(folder) || existsSync(join(root, 'src', folder))) return undefined
  if (existsSync(join(root, 'src', `${folder}.ts`))) return undefined
  return `test/${folder}/ mirrors no room of src and is not in the list of scripts/check/mirror.ts`
}

export const mirror: Check = {
  name: 'mirror of tests',
  async run(root) {
    const tests = filesUnder(root, ['test'], (path) => path.endsWith('.test.ts'))
    const strays = tests.flatMap((path): Finding[] => {
      const message = faultOf(root, path)
      return message ? [{ path, rule: 'stray', message }] : []
    })
    const rooms = roomsOf(root)
    const untested = rooms
      .filter((room) => !tests.some((path) => path.startsWith(`test/${room}/`)))
      .map((room) => ({ path: `src/${room}/`, rule: 'untested', message: `has no test in test/${room}/` }))
    return {
      saw: `${count(tests.length, 'test file')}, ${count(rooms.length, 'room')}`,
      findings: [...strays, ...untested],
    }
  },
}
