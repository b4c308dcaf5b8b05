/** Import direction: downwards only, never sideways, through a room's door; adapters know nothing of src. */

import { readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { importsMin, keepers, roomOf, storeOpeners } from './floors.ts'
import { type Check, count, type Finding, filesUnder, type Report } from './report.ts'

// A clause holds names, braces, commas and stars only, so that a match never runs on into other code.
const STATIC = /^(?:import|export)\s+(?:[\w\s{},*$]*?\bfrom\s*)?['"]([^'"]+)['"]/gm
const DYNAMIC = /^(?!\s*(?:\*|\/\/)).*?\bimport\(\s*['"]([^'"]+)['"]/gm

interface Import {
  readonly from: string
  /** A path in the repository, or a package's name. */
  readonly to: string
  readonly isRelative: boolean
  readonly line: number
}

function importsOf(path: string, text: string): readonly Import[] {
  return [...text.matchAll(STATIC), ...text.matchAll(DYNAMIC)].map((match) => {
    const [whole, specifier = ''] = match
    const isRelative = specifier.startsWith('.')
    const to = isRelative ? posix.join(posix.dirname(path), specifier) : specifier
    return { from: path, to, isRelative, line: text.slice(0, match.index + whole.length).split('\n').length }
  })
}

function isUnder(path: string, place: string): boolean {
  return path === place || (place.endsWith('/') && path.startsWith(place))
}

type Fault = Pick<Finding, 'rule' | 'message'>

function faultOfPackage({ from, to }: Import): Fault | undefined {
  const keeper = keepers.find((one) => (one.package.endsWith('/') ? to.startsWith(one.package) : to === one.package))
  if (!keeper || isUnder(from, keeper.only)) return undefined
  return { rule: 'keeper', message: `${to} may only be imported by ${keeper.only}` }
}

function faultOfAdapter({ from, to }: Import): Fault | undefined {
  if (!to.startsWith('adapters/')) return { rule: 'adapters', message: `adapters import nothing of ${to}` }
  const [mine, theirs] = [posix.dirname(from), posix.dirname(to)]
  // The laws are one file too many for one file: their door is adapters/laws.ts.
  const isDoor = from === `${theirs}.ts`
  if (mine === theirs || theirs === 'adapters' || isDoor) return undefined
  return { rule: 'sideways', message: `${mine} may not import ${to}` }
}

function faultOfRoom({ from, to }: Import): Fault | undefined {
  const mine = roomOf(from)
  if (!mine) return { rule: 'room', message: 'belongs to no room: give it one in scripts/check/floors.ts' }
  if (to === 'adapters/store.ts') return undefined
  if (to.startsWith('adapters/')) {
    if (storeOpeners.includes(mine.name)) return undefined
    return {
      rule: 'store',
      message: `${to}: a concrete store is opened by src/main.ts and ${storeOpeners.join(', ')} only`,
    }
  }
  const theirs = roomOf(to)
  if (!theirs) return { rule: 'outside', message: `${to} lies outside the rooms` }
  if (theirs.name === mine.name) return undefined
  if (theirs.rank === mine.rank) return { rule: 'sideways', message: `${to} is on the same floor (${mine.rank})` }
  if (theirs.rank > mine.rank) {
    return { rule: 'upwards', message: `${to} is on floor ${theirs.rank}, this is floor ${mine.rank}` }
  }
  if (theirs.name.endsWith('/') && to !== `${theirs.name}index.ts`) {
    return { rule: 'door', message: `${to}: a room is entered by its index.ts` }
  }
  return undefined
}

function faultOf(one: Import): Fault | undefined {
  if (!one.isRelative) return faultOfPackage(one)
  return one.from.startsWith('adapters/') ? faultOfAdapter(one) : faultOfRoom(one)
}

/** Checks every import under src and adapters of `root`. `minimum`: fewer imports seen are a fault of the check itself. */
export function checkImports(root: string, { minimum }: { readonly minimum: number }): Report {
  const files = filesUnder(root, ['src', 'adapters'], (path) => path.endsWith('.ts'))
  const imports = files.flatMap((path) => importsOf(path, readFileSync(join(root, path), 'utf8')))
  const findings: Finding[] = imports.flatMap((one) => {
    const fault = faultOf(one)
    return fault ? [{ path: one.from, line: one.line, ...fault }] : []
  })
  if (imports.length < minimum) {
    const message = `saw ${count(imports.length, 'import')}, expected at least ${minimum}: the check has gone blind`
    findings.push({ path: 'scripts/check/imports.ts', rule: 'minimum', message })
  }
  return { saw: `${count(imports.length, 'import')} in ${count(files.length, 'file')}`, findings }
}

export const imports: Check = {
  name: 'import direction',
  run: async (root) => checkImports(root, { minimum: importsMin }),
}
