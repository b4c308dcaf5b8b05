/** Ways to spoil a request: in its form, in its head, in how it is sent. Some of them change nothing that matters. */

import type { Chance } from './chance.ts'
import { type Pair, plainGet, type Spec, type Writing } from './spec.ts'

type Mutation = (spec: Spec, chance: Chance) => Spec

const headersOf = (spec: Spec, ...more: readonly Pair[]): Spec => ({ ...spec, headers: [...spec.headers, ...more] })
const formOf = (spec: Spec, ...more: readonly Pair[]): Spec => ({ ...spec, form: [...(spec.form ?? []), ...more] })
const without = (spec: Spec, name: string): Spec => ({
  ...spec,
  headers: spec.headers.filter(([one]) => one.toLowerCase() !== name),
})

/** Changes one parameter of the form, whichever. */
const oneParameter =
  (change: (pair: Pair, chance: Chance) => readonly Pair[]): Mutation =>
  (spec, chance) => {
    if (!spec.form || spec.form.length === 0) return spec
    const at = chance.below(spec.form.length)
    return { ...spec, form: spec.form.flatMap((pair, n) => (n === at ? change(pair, chance) : [pair])) }
  }

const changed = (text: string, chance: Chance): string => {
  const at = chance.below(text.length + 1)
  const letter = chance.pick([...'aZ09-_.~%+ &=\0\xff"\\\n\t'])
  return chance.pick([
    text.slice(0, at) + letter + text.slice(at),
    text.slice(0, at) + text.slice(at + 1),
    text.slice(0, at) + letter + text.slice(at + 1),
    text.slice(0, at),
    `${text} `,
    ` ${text}`,
    text.toUpperCase(),
    text + text,
  ])
}

const FORM: readonly Mutation[] = [
  oneParameter((pair) => [pair, pair]),
  oneParameter(([name, value], chance) => [
    [name, value],
    [name, chance.pick(['', 'other', value.slice(1)])],
  ]),
  oneParameter(([name]) => [[name, '']]),
  oneParameter(() => []),
  oneParameter(([name, value], chance) => [[name, changed(value, chance)]]),
  oneParameter(([name, value], chance) => [[changed(name, chance), value]]),
  oneParameter(([name, value]) => [[name.toUpperCase(), value]]),
  oneParameter(([name, value]) => [[`${name}[]`, value]]),
  oneParameter(([name, value]) => [[`${name}[0]`, value]]),
  (spec, chance) =>
    formOf(
      spec,
      chance.pick<Pair>([
        ['extra', 'yes'],
        ['', ''],
        ['', 'nameless'],
        ['__proto__', 'x'],
        ['constructor', 'x'],
        ['toString', ''],
        ['client_assertion', 'x'],
        ['client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'],
        ['authorization_details', '[]'],
        ['code', 'x'],
        ['redirect_uri', 'https://x.example'],
        ['username', 'x'],
        ['nonce', 'n'],
        ['dpop_jkt', 'x'],
        ['audience', 'x'],
        ['token_type_hint', 'access_token'],
        ['scope', 'openid'],
        ['resource', 'urn:jwt'],
        ['request', 'x'],
      ]),
    ),
  (spec, chance) => ({ ...spec, form: spec.form && [...spec.form].reverse(), tail: chance.pick(['', '&']) }),
  (spec, chance) => ({
    ...spec,
    tail: chance.pick([
      '&',
      '&&',
      '&=',
      '&a',
      '&scope',
      '&scope=',
      '&%',
      '&x=%zz',
      '&x=%f',
      '&%73cope=openid',
      '&x=%00',
      '\0',
      '&x=\xff',
      '&x=%ff',
      '&x=%c3%b6',
      '&x=\xc3\xb6',
      ';x=1',
      '\r\n',
      ' ',
      '#x',
    ]),
  }),
  (spec, chance) => ({ ...spec, tail: `&x=${'y'.repeat(chance.pick([7000, 7900, 8100, 8192, 9000, 60_000]))}` }),
  (spec) => ({ ...spec, tail: '&x=y'.repeat(1200) }),
  (spec, chance) => ({ ...spec, writing: chance.pick<Writing>(['percent', 'loose', 'raw']) }),
]

const FORM_TYPE = 'application/x-www-form-urlencoded'
const typed = (...types: readonly string[]): Mutation => {
  return (spec, chance) => headersOf(without(spec, 'content-type'), ['Content-Type', chance.pick(types)])
}

const HEAD: readonly Mutation[] = [
  typed(
    `${FORM_TYPE};charset=utf-8`,
    `${FORM_TYPE}; charset=utf-8`,
    `${FORM_TYPE}; charset=UTF-8`,
    `${FORM_TYPE};  charset=utf-8`,
    `${FORM_TYPE} ; charset=utf-8`,
    `${FORM_TYPE}; charset="utf-8"`,
    `${FORM_TYPE}; charset=iso-8859-1`,
    `${FORM_TYPE}; charset=utf-16`,
    `${FORM_TYPE};`,
    `${FORM_TYPE}; x=y`,
    FORM_TYPE.toUpperCase(),
    'Application/X-WWW-Form-Urlencoded',
  ),
  typed('application/json', 'text/plain', 'multipart/form-data; boundary=x', '', 'x', `${FORM_TYPE}, text/plain`),
  (spec) => without(spec, 'content-type'),
  (spec) => headersOf(spec, ['Content-Type', 'application/json']),
  (spec, chance) => headersOf(spec, ['Origin', chance.pick(['https://app.example', 'null', '', 'http://localhost'])]),
  (spec, chance) => headersOf(spec, ['DPoP', chance.pick(['junk', '', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.'])]),
  (spec, chance) => ({ ...spec, dpop: { key: chance.pick([0, 1] as const), nonce: chance.is(0.5) } }),
  (spec, chance) => headersOf(spec, ['Content-Encoding', chance.pick(['gzip', 'identity', ''])]),
  (spec, chance) =>
    headersOf(spec, ['X-Client-Certificate', chance.pick(['junk', '', '-----BEGIN%20CERTIFICATE-----'])]),
  (spec, chance) => headersOf(spec, ['Expect', chance.pick(['100-continue', '100-Continue', 'nothing'])]),
  (spec, chance) => headersOf(spec, ['OAuth-Client-Attestation', chance.pick(['x', '', 'a.b.c'])]),
  (spec) => headersOf(spec, ['OAuth-Client-Attestation-PoP', 'x']),
  (spec, chance) =>
    headersOf(spec, ['X-Forwarded-For', chance.pick(['198.51.100.9', '1.2.3.4, 2001:db8::1', 'x', ''])]),
  (spec) => headersOf(spec, ['X-Forwarded-Host', 'evil.example'], ['X-Forwarded-Proto', 'https']),
  (spec) => headersOf(spec, ['Forwarded', 'for=1.2.3.4;host=evil.example;proto=https']),
  (spec, chance) => headersOf(without(spec, 'host'), ['Host', chance.pick(['evil.example', 'localhost:1', 'x y'])]),
  (spec, chance) => headersOf(spec, ['X-Country', chance.pick(['de', 'AT', 'toolong', '1x', ''])]),
  (spec, chance) => headersOf(spec, ['User-Agent', chance.pick(['agent/1', 'x'.repeat(300), 'm\xfcller', ''])]),
  (spec, chance) =>
    headersOf(spec, ['Accept', chance.pick(['application/json', 'text/html', 'image/png', 'application/jwt'])]),
  (spec) => headersOf(spec, ['Cookie', 'mm_session=x; mm_session.sig=y']),
  (spec) => headersOf(spec, ['X-Request-Id', 'mine']),
  (spec) => headersOf(spec, ['X-HTTP-Method-Override', 'DELETE']),
  (spec, chance) => headersOf(spec, ['X-Filler', 'f'.repeat(chance.pick([2000, 20_000, 33_000]))]),
  (spec) => ({ ...spec, headers: spec.headers.map(([name, value]): Pair => [name.toUpperCase(), value]) }),
  (spec) => ({ ...spec, headers: spec.headers.map(([name, value]): Pair => [name.toLowerCase(), value]) }),
  (spec) => headersOf(spec, ['Connection', 'close']),
  (spec) => headersOf(spec, ['Accept-Encoding', 'gzip, br']),
]

const SENT: readonly Mutation[] = [
  (spec) => ({ ...spec, chunked: spec.form !== undefined }),
  (spec, chance) => ({ ...spec, times: chance.pick([2, 3]) }),
  (spec, chance) => ({
    ...spec,
    path: spec.path + chance.pick(['/', '//', '?', '?x=1', '?access_token=x', '#x', '%2f', '%00', ';x', '.', '/..']),
  }),
  (spec, chance) => ({
    ...spec,
    path: chance.pick([
      spec.path.toUpperCase(),
      `/${spec.path}`,
      `http://localhost${spec.path}`,
      spec.path.replace(/\w/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
      `/x/..${spec.path}`,
      `/.${spec.path}`,
      spec.path.slice(0, -1),
      `${spec.path}x`,
    ]),
  }),
  (spec, chance) => ({
    ...spec,
    method: chance.pick(['HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'GET', 'POST', 'QUERY']),
  }),
  (spec) => ({
    ...plainGet(
      spec.path,
      spec.headers.filter(([name]) => name !== 'Host'),
    ),
    method: spec.method,
  }),
  (spec, chance) => ({ ...spec, weather: chance.pick(['loses', 'lost', 'broken'] as const) }),
  (spec) => ({ ...spec, weather: 'loses' }),
  // A GET with a body, of which nothing says what it is.
  (spec) => ({ ...without(spec, 'content-type'), method: 'GET', form: spec.form ?? [['access_token', 'x']] }),
]

/** Spoils a request now and then, sometimes in several ways. */
export function mutated(spec: Spec, chance: Chance): Spec {
  const times = chance.weigh([64, 0], [25, 1], [7, 2], [4, 3])
  let out = spec
  for (let n = 0; n < times; n++)
    out = chance.pick(chance.weigh([spec.form ? 45 : 5, FORM], [35, HEAD], [20, SENT]))(out, chance)
  return out
}
