/** Requests for what is published, with and without conditions; and where any request comes from. */

import type { Chance } from './chance.ts'
import { type Pair, plainGet, type Spec } from './spec.ts'

/** Some of a list, one at least. */
export const few = <T>(chance: Chance, list: readonly T[], most: number): readonly T[] =>
  Array.from({ length: 1 + chance.below(most) }, () => chance.pick(list))

/** Where callers come from. */
const ADDRESSES = ['203.0.113.7', '203.0.113.66', '198.51.100.20', '2001:db8::7', '::ffff:203.0.113.9', 'unknown']

/** Has a request come from somewhere. */
export function seen(spec: Spec, chance: Chance): Spec {
  const agent = chance.weigh<readonly Pair[]>(
    [12, []],
    [5, [['User-Agent', 'agent/1']]],
    [2, [['X-Country', chance.pick(['DE', 'FR'])]]],
    [1, [['X-Forwarded-For', chance.pick(ADDRESSES)]]],
  )
  return {
    ...spec,
    headers: [...spec.headers, ...agent],
    address: chance.is(0.8) ? '203.0.113.7' : chance.pick(ADDRESSES),
  }
}

const PUBLISHED = ['/jwks', '/.well-known/openid-configuration', '/.well-known/oauth-authorization-server']
const ETAGS = ['*', '"x"', 'W/"x"', '', 'x', '"x", "y"']

/** A request for what is published. `etags`: those that it has. */
export function published(etags: readonly string[], chance: Chance): Spec {
  const conditions: readonly Pair[] = [
    ['If-None-Match', chance.is(0.5) && etags.length > 0 ? chance.pick(etags) : chance.pick(ETAGS)],
    ['If-Modified-Since', chance.pick(['Mon, 02 Nov 2026 09:00:00 GMT', 'x'])],
    ['Cache-Control', chance.pick(['no-cache', 'max-age=0', 'x'])],
    ['Range', chance.pick(['bytes=0-9', 'x'])],
    ['If-Match', '"x"'],
    ['If-Range', '"x"'],
    ['Pragma', 'no-cache'],
    ['Origin', chance.pick(['https://app.example', 'null', ''])],
    ['Access-Control-Request-Method', 'GET'],
    ['TE', 'trailers'],
    ['Accept', 'text/html'],
  ]
  const path = chance.pick(PUBLISHED)
  const some = chance.is(0.35) ? few(chance, conditions, 2) : []
  const spec = seen(plainGet(path, some), chance)
  return chance.is(0.9) ? spec : { ...spec, method: chance.pick(['HEAD', 'OPTIONS', 'POST', 'PUT', 'DELETE']) }
}
