/** The smallest request that still shows a difference: parts are taken away as long as it stays. */

import type { Pair, Spec } from './spec.ts'

/** Requests that are sent for it at most. */
const TRIES_MAX = 400

const without = <T>(list: readonly T[], n: number): readonly T[] => list.filter((_, at) => at !== n)

/** Simpler requests than this one, the boldest first. */
function* simpler(spec: Spec): Generator<Spec> {
  if (spec.times > 1) yield { ...spec, times: 1 }
  if (spec.weather !== 'fair') yield { ...spec, weather: 'fair' }
  if (spec.chunked) yield { ...spec, chunked: false }
  if (spec.tail !== '') yield { ...spec, tail: '' }
  if (spec.writing !== 'form') yield { ...spec, writing: 'form' }
  if (spec.dpop) yield { ...spec, dpop: undefined }
  if (spec.asserts !== undefined) yield { ...spec, asserts: undefined }
  for (const n of spec.headers.keys()) yield { ...spec, headers: without(spec.headers, n) }
  const form = spec.form ?? []
  for (const n of form.keys()) yield { ...spec, form: without(form, n) }
  for (const [n, [name, value]] of form.entries()) {
    const words = value.split(' ')
    if (words.length > 1)
      for (const at of words.keys())
        yield {
          ...spec,
          form: form.map((pair, one): Pair => (one === n ? [name, without(words, at).join(' ')] : pair)),
        }
  }
}

/** Makes a failing request as small as it can be. `fails`: whether a request still shows a difference. */
export async function smallest(spec: Spec, fails: (spec: Spec) => Promise<boolean>): Promise<Spec> {
  let left = TRIES_MAX
  let out = spec
  for (let found = true; found && left > 0; ) {
    found = false
    for (const next of simpler(out)) {
      if (left-- <= 0) break
      if (!(await fails(next))) continue
      out = next
      found = true
      break
    }
  }
  return out
}
