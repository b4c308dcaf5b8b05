/** A request as the generator thinks of it, and as the bytes that go out. Texts are bytes as latin1: not every request is UTF-8. */

import type { Cast } from './cast.ts'
import type { Weather } from './ledger.ts'

export type Pair = readonly [name: string, value: string]

/** How a form is written. */
export type Writing = 'form' | 'percent' | 'loose' | 'raw'

/** A request. */
export interface Spec {
  readonly method: string
  readonly path: string
  /** All but those that say where the body ends. */
  readonly headers: readonly Pair[]
  /** Undefined: no body. */
  readonly form: readonly Pair[] | undefined
  /** Stands after the form as it is. */
  readonly tail: string
  readonly writing: Writing
  readonly chunked: boolean
  /** Sent so often at once. */
  readonly times: number
  readonly address: string
  readonly weather: Weather
  /** What a DPoP header is made of when the request is sent: each time a fresh proof. */
  readonly dpop?: { readonly key: 0 | 1; readonly token?: string; readonly nonce: boolean } | undefined
  /** The client whose assertion is added when the request is sent. */
  readonly asserts?: string | undefined
  /** What a play may learn from a good answer: whose it is. */
  readonly family?: string | undefined
  readonly client?: string | undefined
}

/** The usual POST of a form. */
export function formPost(path: string, form: readonly Pair[], headers: readonly Pair[] = []): Spec {
  return {
    method: 'POST',
    path,
    headers: [['Host', 'localhost'], ['Content-Type', 'application/x-www-form-urlencoded'], ...headers],
    form,
    tail: '',
    writing: 'form',
    chunked: false,
    times: 1,
    address: '203.0.113.7',
    weather: 'fair',
  }
}

/** The usual GET. */
export function plainGet(path: string, headers: readonly Pair[] = []): Spec {
  return { ...formPost(path, []), method: 'GET', headers: [['Host', 'localhost'], ...headers], form: undefined }
}

const percent = (text: string): string =>
  [...Buffer.from(text, 'latin1')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')

/** One name or value as a form holds it. */
function written(text: string, writing: Writing): string {
  switch (writing) {
    case 'form':
      return new URLSearchParams([['', Buffer.from(text, 'latin1').toString()]]).toString().slice(1)
    case 'percent':
      return percent(text)
    case 'loose':
      return text.replace(/[%&+=#]/g, percent).replaceAll(' ', '+')
    case 'raw':
      return text
    default:
      return writing satisfies never
  }
}

/** The body's bytes, as latin1. */
export function bodyOf({ form, tail, writing }: Spec): string | undefined {
  if (!form) return tail === '' ? undefined : tail
  return form.map(([name, value]) => `${written(name, writing)}=${written(value, writing)}`).join('&') + tail
}

/** The request's bytes. `more`: headers that are made as it is sent. */
export function bytesOf(spec: Spec, more: readonly Pair[] = []): Buffer {
  const body = bodyOf(spec)
  const framing: readonly Pair[] =
    body === undefined
      ? []
      : spec.chunked
        ? [['Transfer-Encoding', 'chunked']]
        : [['Content-Length', String(body.length)]]
  const lines = [...spec.headers, ...more, ...framing].map(([name, value]) => `${name}: ${value}`)
  const half = body === undefined ? 0 : Math.ceil(body.length / 2)
  const chunk = (part: string): string => (part ? `${part.length.toString(16)}\r\n${part}\r\n` : '')
  const sent =
    body === undefined ? '' : spec.chunked ? `${chunk(body.slice(0, half))}${chunk(body.slice(half))}0\r\n\r\n` : body
  const one = `${spec.method} ${spec.path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${sent}`
  return Buffer.from(one.repeat(spec.times), 'latin1')
}

/** A request for people: with names instead of secrets. */
export function told(spec: Spec, cast: Cast): string {
  const { method, path, headers, address, weather, times, chunked, writing, dpop, asserts } = spec
  const basic = (value: string): string => {
    const [, scheme, encoded = ''] = /^(Basic) (.*)$/i.exec(value) ?? []
    return scheme ? `${scheme} base64(${Buffer.from(encoded, 'base64').toString('latin1')})` : value
  }
  // A secret stands in a form as the form writes it: it is told unwritten.
  const body = spec.form?.map(([name, value]) => `${name}=${value}`).join('\n  & ')
  const about = [
    `from ${address}`,
    ...(weather === 'fair' ? [] : [`commits: ${weather}`]),
    ...(times === 1 ? [] : [`${times} times at once`]),
    ...(chunked ? ['chunked'] : []),
    ...(writing === 'form' ? [] : [`written: ${writing}`]),
    ...(dpop ? [`with a DPoP proof of key ${dpop.key}`] : []),
    ...(asserts === undefined ? [] : [`with an assertion of ${asserts}`]),
  ]
  const lines = [
    `${method} ${path}   (${about.join('; ')})`,
    ...headers.map(([name, value]) => `${name}: ${/^authorization$/i.test(name) ? decodeSoftly(basic(value)) : value}`),
    ...(body === undefined ? [] : ['', `  ${body}`]),
    ...(spec.tail === '' ? [] : [`  then ${JSON.stringify(spec.tail.slice(0, 200))}`]),
  ]
  return cast.told(lines.join('\n'))
}

/** A secret in Basic is written as a form writes it (RFC 6749, 2.3.1). */
function decodeSoftly(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
