/** A CPU profile of V8 as a list of functions and packages with the share of time that each took itself. Pure. */

/** A node of the profile's call tree, as V8 writes it. */
export interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

/** A `.cpuprofile`. Times in microseconds of the machine's monotonic clock. */
export interface Profile {
  readonly nodes: readonly ProfileNode[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** A part of the window, in microseconds of the monotonic clock. */
export interface Window {
  readonly from: number
  readonly to: number
}

/** Something that took time: a function or a package. Microseconds. */
export interface Cost {
  readonly name: string
  readonly self: number
}

/** What a thread did inside a window. */
export interface Costs {
  readonly functions: readonly Cost[]
  readonly packages: readonly Cost[]
  /** Everything but idling. */
  readonly busy: number
  readonly idle: number
}

/** The repository, as the addresses of its modules begin. */
const ROOT = new URL('../../', import.meta.url).href

/** Where code lives, without the machine's own folders. */
export function placeOf(url: string): string {
  const inPackage = url.lastIndexOf('node_modules/')
  if (inPackage >= 0) return url.slice(inPackage + 'node_modules/'.length)
  return url.startsWith(ROOT) ? url.slice(ROOT.length) : url.replace(/^file:\/\//, '')
}

/** The package of a place: `koa`, `@scope/name`, `node:internal/streams`, `src/oidc`, or V8's own `(program)`. */
export function packageOf({ functionName, url }: ProfileNode['callFrame']): string {
  if (url === '') return functionName.startsWith('(') ? functionName : '(native)'
  const parts = placeOf(url).split('/')
  const [first = '', second = ''] = parts
  if (url.startsWith('node:')) return parts.slice(0, first === 'node:internal' ? 2 : 1).join('/')
  const isPair = first.startsWith('@') || ((first === 'src' || first === 'adapters') && parts.length > 2)
  return isPair ? `${first}/${second}` : first
}

function nameOf({ functionName, url, lineNumber }: ProfileNode['callFrame']): string {
  const name = functionName || '(anonymous)'
  return url === '' ? name : `${name}  ${placeOf(url)}:${lineNumber + 1}`
}

function descending(costs: ReadonlyMap<string, number>): readonly Cost[] {
  return [...costs].map(([name, self]) => ({ name, self })).sort((a, b) => b.self - a.self)
}

/** Adds up the samples of a window. */
export function aggregate(profile: Profile, { from, to }: Window): Costs {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]))
  const [functions, packages] = [new Map<string, number>(), new Map<string, number>()]
  const add = (costs: Map<string, number>, name: string, took: number): void =>
    void costs.set(name, (costs.get(name) ?? 0) + took)
  let [at, busy, idle] = [profile.startTime, 0, 0]
  for (const [n, id] of profile.samples.entries()) {
    at += profile.timeDeltas[n] ?? 0
    const frame = frames.get(id)
    // A sample stands for the time until the next one.
    const took = Math.max(0, profile.timeDeltas[n + 1] ?? 0)
    if (!frame || at < from || at > to) continue
    if (frame.functionName === '(idle)') {
      idle += took
      continue
    }
    busy += took
    add(functions, nameOf(frame), took)
    add(packages, packageOf(frame), took)
  }
  return { functions: descending(functions), packages: descending(packages), busy, idle }
}
