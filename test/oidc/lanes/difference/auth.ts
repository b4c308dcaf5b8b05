/** How a generated request says which client sends it: rightly, oddly, or wrongly. */

import type { Cast, ClientPart } from './cast.ts'
import type { Chance } from './chance.ts'
import type { Pair, Spec } from './spec.ts'

const encoded = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1)
/** A text's UTF-8, a letter for each byte: what forms are written from. */
const bytes = (text: string): string => Buffer.from(text).toString('latin1')
const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64')

/** A header of Basic (RFC 6749, 2.3.1: both parts are form-encoded first). */
export const basicOf = (id: string, secret: string): Pair => [
  'Authorization',
  `Basic ${base64(`${encoded(id)}:${encoded(secret)}`)}`,
]

const withHeader = (spec: Spec, ...headers: readonly Pair[]): Spec => ({
  ...spec,
  headers: [...spec.headers, ...headers],
})
const withForm = (spec: Spec, ...form: readonly Pair[]): Spec => ({ ...spec, form: [...(spec.form ?? []), ...form] })

/** The right way for a client: one mechanism, its own secret. */
export function rightly(spec: Spec, client: ClientPart, chance: Chance): Spec {
  const secret = client.secrets.length > 0 ? chance.pick(client.secrets) : ''
  switch (client.method) {
    case 'none':
      return withForm(spec, ['client_id', client.id])
    case 'key':
      return { ...spec, asserts: client.id }
    // The library takes either from a client that has a secret.
    case 'basic':
    case 'post':
      return chance.is(client.method === 'basic' ? 0.85 : 0.3)
        ? withHeader(spec, basicOf(client.id, secret))
        : withForm(spec, ['client_id', bytes(client.id)], ['client_secret', bytes(secret)])
    default:
      return client.method satisfies never
  }
}

type Oddity = (spec: Spec, client: ClientPart, other: ClientPart) => Spec

const header = (value: (id: string, secret: string) => string, name = 'Authorization'): Oddity => {
  return (spec, { id, secrets: [secret = ''] }) => withHeader(spec, [name, value(id, secret)])
}
const usual = (id: string, secret: string): string => base64(`${encoded(id)}:${encoded(secret)}`)

const ODDITIES: readonly Oddity[] = [
  header((id, secret) => `basic ${usual(id, secret)}`),
  header((id, secret) => `BASIC ${usual(id, secret)}`),
  header((id, secret) => `Basic  ${usual(id, secret)}`),
  header((id, secret) => `Basic ${usual(id, secret)} `),
  header((id, secret) => `Basic ${usual(id, secret).replace(/=+$/, '')}`),
  header((id, secret) => `Basic ${usual(id, secret)}=`),
  header((id, secret) => `Basic ${usual(id, secret)}====`),
  header((id, secret) => `Basic ${usual(id, secret).replaceAll('+', '-').replaceAll('/', '_')}`),
  header((id, secret) => `Basic ${usual(id, secret).slice(0, 9)} ${usual(id, secret).slice(9)}`),
  header((id, secret) => `Basic ${usual(id, secret).slice(0, 8)}!${usual(id, secret).slice(8)}`),
  header((id, secret) => `Basic ${usual(id, secret)}, Basic ${usual(id, secret)}`),
  header((id, secret) => `Basic ${base64(`${id}:${secret}`)}`),
  header((id, secret) => `Basic ${base64(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`),
  header(
    (id, secret) =>
      `Basic ${base64(`${encoded(id)}:${encoded(secret)}`.replace(/[a-f]/g, (c) => `%${c.charCodeAt(0).toString(16)}`))}`,
  ),
  header((id) => `Basic ${base64(encoded(id))}`),
  header((id) => `Basic ${base64(`${encoded(id)}:`)}`),
  header((_id, secret) => `Basic ${base64(`:${encoded(secret)}`)}`),
  header(() => `Basic ${base64(':')}`),
  header(() => 'Basic '),
  header(() => 'Basic'),
  header((id, secret) => `Basic ${base64(`${encoded(id)}:${encoded(secret)}:more`)}`),
  header((id, secret) => `Basic ${base64(`${encoded(id)}:${encoded(secret)}%`)}`),
  header((id, secret) => `Basic ${base64(`${encoded(id)}:${encoded(secret)}%zz`)}`),
  header((id, secret) => `Basic ${base64(`${encoded(id)}%00:${encoded(secret)}`)}`),
  header((id, secret) => `Basic ${base64(`${id}\0:${secret}`)}`),
  header((id, secret) => `Basic ${base64(`${encoded(id)}\xff:${encoded(secret)}`)}`),
  header((id, secret) => `Basic ${base64(`${encoded(id)} :${encoded(secret)}`)}`),
  header((id, secret) => `Basic ${base64(`${encoded(id)}:wrong${encoded(secret)}`)}`),
  header((id, secret) => `Basic ${base64(`${encoded(id)}:${encoded(secret).toUpperCase()}`)}`),
  header((id, secret) => `Basic ${base64(`${encoded(id.toUpperCase())}:${encoded(secret)}`)}`),
  header((id, secret) => `Bearer ${usual(id, secret)}`),
  header((id, secret) => usual(id, secret)),
  header((id, secret) => `Basic ${usual(id, secret)}`, 'authorization'),
  header((id, secret) => `Basic ${usual(id, secret)}`, 'AUTHORIZATION'),
  header((id, secret) => `Basic ${usual(id, secret)}`, 'Proxy-Authorization'),
  // Twice: node keeps the first of two.
  (spec, { id, secrets: [secret = ''] }) => withHeader(spec, basicOf(id, secret), basicOf(id, secret)),
  (spec, { id, secrets: [secret = ''] }, other) => withHeader(spec, basicOf(id, secret), basicOf(other.id, 'x')),
  // Both mechanisms, and ids that agree or don't.
  (spec, { id, secrets: [secret = ''] }) => withForm(withHeader(spec, basicOf(id, secret)), ['client_secret', secret]),
  (spec, { id, secrets: [secret = ''] }) =>
    withForm(withHeader(spec, basicOf(id, secret)), ['client_id', id], ['client_secret', secret]),
  (spec, { id, secrets: [secret = ''] }) => withForm(withHeader(spec, basicOf(id, secret)), ['client_id', id]),
  (spec, { id, secrets: [secret = ''] }, other) =>
    withForm(withHeader(spec, basicOf(id, secret)), ['client_id', other.id]),
  (spec, { id, secrets: [secret = ''] }) => withForm(withHeader(spec, basicOf(id, secret)), ['client_id', '']),
  (spec, { id, secrets: [secret = ''] }) => ({ ...withHeader(spec, basicOf(id, secret)), asserts: id }),
  (spec, { id }, other) => ({ ...withForm(spec, ['client_id', other.id]), asserts: id }),
  // In the form.
  (spec, { id, secrets: [secret = ''] }) => withForm(spec, ['client_id', id], ['client_secret', secret]),
  (spec, { id }) => withForm(spec, ['client_id', id]),
  (spec, { id }) => withForm(spec, ['client_id', id], ['client_secret', '']),
  (spec, { id }) => withForm(spec, ['client_id', id], ['client_secret', 'wrong']),
  (spec, { id, secrets: [secret = ''] }) => withForm(spec, ['client_id', `${id} `], ['client_secret', secret]),
  (spec, { id, secrets: [secret = ''] }) =>
    withForm(spec, ['client_id', id], ['client_id', id], ['client_secret', secret]),
  (spec, { id, secrets: [secret = ''] }) => withForm(spec, ['Client_id', id], ['client_secret', secret]),
  (spec, { secrets: [secret = ''] }) => withForm(spec, ['client_secret', secret]),
  (spec, { id }) => withForm(spec, ['client_id', id], ['client_assertion', 'a.b.c']),
  (spec, _client, other) => withForm(spec, ['client_id', other.id], ['client_secret', other.secrets[0] ?? 'none']),
  (spec) => withForm(spec, ['client_id', '__proto__'], ['client_secret', 'x']),
  (spec) => withForm(spec, ['client_id', 'nobody'], ['client_secret', 'x']),
  (spec) => withForm(spec, ['client_id', '\xc3\xb6'], ['client_secret', '\xc3\xb6']),
  (spec) => spec,
]

/** Adds a client's authentication to a request: rightly most of the time. */
export function authenticated(spec: Spec, client: ClientPart, cast: Cast, chance: Chance): Spec {
  if (chance.is(0.87)) return rightly(spec, client, chance)
  return chance.pick(ODDITIES)(spec, client, chance.pick([...cast.clients.values()]))
}
