/**
 * The thread that reads a configuration afresh (fresh.ts): imports the module, sends what it exports, and answers for the policies
 * that can't leave. It parses nothing: that happens once, on the other side.
 */

import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { type Exported, importDefault, inWords, isRecord, strangeness } from './module.ts'
import type { RotationFacts, RotationPolicy } from './policy.ts'
import { type PolicyRecipe, recipeOf, versionOf } from './recipe.ts'
import { stampOf } from './watch.ts'

type Path = readonly (string | number)[]

/** What stood where a copy can't go. `opaque`: an object with methods, under one of the paths of `CARRIED`. */
export type Mark = { readonly path: Path } & (
  | { readonly is: 'built-in'; readonly recipe: PolicyRecipe }
  | {
      readonly is: 'own'
      readonly n: number
      readonly name: string
      readonly policyName: string | undefined
      readonly version: string
    }
  | { readonly is: 'function' }
  | { readonly is: 'opaque' }
)

/** What this thread says. */
export type FromWorker =
  | { readonly is: 'loaded'; readonly raw: unknown; readonly marks: readonly Mark[] }
  | { readonly is: 'fault'; readonly words: string }
  | { readonly is: 'answer'; readonly call: number; readonly said: unknown }
  | { readonly is: 'threw'; readonly call: number; readonly words: string }

/** What it is told. */
export type ToWorker =
  | { readonly is: 'call'; readonly call: number; readonly n: number; readonly facts: RotationFacts }
  | { readonly is: 'abort'; readonly call: number; readonly words: string }

/** Where objects with methods may stand; the running ones are kept. */
export const CARRIED: readonly string[] = ['keys.signers']

/** No configuration is as deep; an object that holds itself is. */
const DEPTH_MAX = 100

// A function of a list of policies: its parameters are checked by nobody before it is called.
const isPolicy = (value: unknown): value is RotationPolicy => typeof value === 'function'
const isPolicyPlace = ([top, n, key, ...rest]: Path): boolean =>
  top === 'rotation' && n !== undefined && (key === undefined || key === 'policy') && rest.length === 0
const isData = (value: object): boolean =>
  value instanceof Date ||
  value instanceof Map ||
  value instanceof Set ||
  value instanceof RegExp ||
  ArrayBuffer.isView(value)

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
}

function holdsFunction(value: unknown): boolean {
  if (typeof value === 'function') return true
  return (
    isRecord(value) &&
    !isData(value) &&
    (!(isPlain(value) || Array.isArray(value)) || Object.values(value).some(holdsFunction))
  )
}

/** A copy that can travel, with marks for what can't. `own` gathers the functions that stay. */
export function packed(root: unknown): {
  readonly raw: unknown
  readonly marks: readonly Mark[]
  readonly own: readonly RotationPolicy[]
} {
  const marks: Mark[] = []
  const own: RotationPolicy[] = []
  function ofFunction(path: Path, value: unknown): Mark {
    if (!isPolicyPlace(path) || !isPolicy(value)) return { path, is: 'function' }
    const recipe = recipeOf(value)
    if (recipe) return { path, is: 'built-in', recipe }
    const { name, policyName } = value
    return { path, is: 'own', n: own.push(value) - 1, name, policyName, version: versionOf(value) }
  }
  function copy(value: unknown, path: Path): unknown {
    if (path.length > DEPTH_MAX) throw new RangeError(`${path.slice(0, 4).join('.')} is nested without end`)
    if (CARRIED.includes(path.join('.')) && holdsFunction(value)) {
      marks.push({ path, is: 'opaque' })
      return undefined
    }
    if (typeof value === 'function') {
      marks.push(ofFunction(path, value))
      return undefined
    }
    if (Array.isArray(value)) return value.map((one, n) => copy(one, [...path, n]))
    if (!isRecord(value) || isData(value)) return value
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, copy(one, [...path, key])]))
  }
  return { raw: copy(root, []), marks, own }
}

/** Answers calls. One that was aborted is answered at once, so that the other side keeps no account of what never settles. */
function serve(port: MessagePort, own: readonly RotationPolicy[]): void {
  const running = new Map<number, AbortController>()
  const say = (call: number, message: FromWorker): void => {
    if (!running.delete(call)) return
    try {
      port.postMessage(message)
    } catch (cause) {
      port.postMessage({
        is: 'threw',
        call,
        words: `its answer can't be copied: ${inWords(cause)}`,
      } satisfies FromWorker)
    }
  }
  async function run({ call, n, facts }: Extract<ToWorker, { is: 'call' }>): Promise<void> {
    const abort = new AbortController()
    running.set(call, abort)
    try {
      say(call, { is: 'answer', call, said: await own[n]?.(facts, abort.signal) })
    } catch (cause) {
      say(call, { is: 'threw', call, words: inWords(cause) })
    }
  }
  port.on('message', (message: ToWorker) => {
    if (message.is === 'call') void run(message)
    else {
      const abort = running.get(message.call)
      say(message.call, { is: 'threw', call: message.call, words: message.words })
      abort?.abort(new Error(message.words))
    }
  })
}

/** What is to be read, and whose it must be. */
export interface Reading {
  readonly path: string
  readonly uid: number | undefined
}

async function start(port: MessagePort, { path, uid }: Reading): Promise<void> {
  // Again, and as late as can be: between the first look and the import another file may have come to stand here.
  const before = stampOf(path)
  const strange = strangeness(path, uid)
  const exported: Exported = strange === undefined ? await importDefault(path) : { fault: strange }
  if (stampOf(path) !== before)
    return port.postMessage({ is: 'fault', words: `${path}: changed while it was read` } satisfies FromWorker)
  if ('fault' in exported) return port.postMessage({ is: 'fault', words: exported.fault } satisfies FromWorker)
  try {
    const { raw, marks, own } = packed(exported.value)
    if (own.length > 0) serve(port, own)
    port.postMessage({ is: 'loaded', raw, marks } satisfies FromWorker)
  } catch (cause) {
    port.postMessage({
      is: 'fault',
      words: `${path}: holds what can't be copied: ${inWords(cause)}`,
    } satisfies FromWorker)
  }
}

// Made by `readFresh`: it is a Reading.
if (parentPort) void start(parentPort, workerData as Reading)
