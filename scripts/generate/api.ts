/** docs/api.md and docs/problems/CODE.md, from the description that the server serves and the tables of what its rooms refuse. */

import { cell } from './settings.ts'

type Json = Readonly<Record<string, unknown>>

/** What src/admin says of itself. */
export interface Described {
  readonly openapi: (issuer: string) => Json
  readonly meaningsOf: (tables: readonly unknown[]) => ReadonlyMap<string, readonly Meaning[]>
}

interface Meaning {
  readonly about: string
  readonly status: number
  readonly words: string
  readonly remedy: string
}

const json = (value: unknown): Json => (typeof value === 'object' && value !== null ? { ...value } : {})
const list = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(json) : [])
const MADE = '<!-- Written by `npm run generate` from src/admin: change it there. -->'

/** A schema in a word or two. */
function typeOf(value: unknown): string {
  const { $ref, type, items, enum: choices, anyOf, oneOf, const: only } = json(value)
  if (typeof $ref === 'string') return $ref.replace(/^.*\//, '')
  if (Array.isArray(choices)) return choices.map((one) => `\`${one}\``).join(', ')
  if (only !== undefined) return `\`${only}\``
  const some = Array.isArray(oneOf) ? oneOf : anyOf
  // One of several: what each has tells them apart.
  if (Array.isArray(some)) return some.map((one) => (json(one).properties ? shapeOf(one) : typeOf(one))).join(' or ')
  if (type === 'array') return `list of ${typeOf(items)}`
  return Array.isArray(type) ? type.join(' or ') : String(type ?? 'anything')
}

/** An object by its members, those that it may lack with a question mark. */
function shapeOf(value: unknown): string {
  const { properties, required } = json(value)
  const needed: readonly unknown[] = Array.isArray(required) ? required : []
  const members = Object.entries(json(properties))
  return `{ ${members.map(([name, one]) => `${name}${needed.includes(name) ? '' : '?'}: ${typeOf(one)}`).join(', ')} }`
}

function fields(schema: unknown, schemas: Json): string {
  const { $ref } = json(schema)
  const { properties, required } = json(typeof $ref === 'string' ? schemas[$ref.replace(/^.*\//, '')] : schema)
  const needed: readonly unknown[] = Array.isArray(required) ? required : []
  const rows = Object.entries(json(properties)).map(([name, one]) => {
    const { description, default: standard } = json(one)
    const without = standard === undefined ? '' : `; \`${JSON.stringify(standard)}\` unless given`
    return `| \`${name}\`${needed.includes(name) ? ' *' : ''} | ${cell(typeOf(one))} | ${cell(`${description ?? ''}${without}`.replace(/^; /, ''))} |`
  })
  return rows.length === 0 ? '' : ['| field | type | meaning |', '|---|---|---|', ...rows].join('\n')
}

function section(method: string, path: string, value: unknown, schemas: Json): readonly string[] {
  const operation = json(value)
  const parameters = list(operation.parameters).filter(({ name }) => name !== undefined)
  const body = json(json(json(json(operation.requestBody).content)['application/json']).schema)
  const responses = Object.entries(json(operation.responses))
  const answer = responses.find(([status]) => Number(status) < 300)
  const shown = json(json(json(json(answer?.[1]).content)['application/json']).schema)
  const codes = responses.flatMap(([, one]) => (json(one)['x-codes'] as readonly string[] | undefined) ?? [])
  return [
    `### \`${method.toUpperCase()} /api/v1${path}\``,
    `${operation.summary} ${operation.description}`,
    ...(parameters.length > 0
      ? [
          [
            '| parameter | in | type | meaning |',
            '|---|---|---|---|',
            ...parameters.map(
              (one) =>
                `| \`${one.name}\` | ${one.in} | ${cell(typeOf(one.schema))} | ${cell(String(one.description ?? ''))} |`,
            ),
          ].join('\n'),
        ]
      : []),
    ...(fields(body, schemas) ? ['Body (* needed):', fields(body, schemas)] : []),
    `Answers ${answer?.[0]}: ${json(answer?.[1]).description} ${shown.$ref ? `([${typeOf(shown)}](#${typeOf(shown).toLowerCase()}))` : ''}`.trim(),
    `Refuses with ${codes.map((code) => `[\`${code}\`](problems/${code}.md)`).join(', ')}.`,
  ]
}

/** The reference of the API. */
export function apiPage(described: Described): string {
  const api = described.openapi('https://auth.example.com')
  const { schemas, parameters, securitySchemes } = json(api.components)
  const named = json(schemas)
  const operations = Object.entries(json(api.paths)).flatMap(([path, methods]) =>
    Object.entries(json(methods)).flatMap(([method, one]) => section(method, path, one, named)),
  )
  return `${[
    '# REST API',
    MADE,
    'The same as `/api/openapi.json` (OpenAPI 3.1) on every server, for reading.',
    String(json(json(securitySchemes).bearer).description),
    `Every POST takes \`Idempotency-Key\`. ${json(json(parameters).IdempotencyKey).description} An answer that was given before carries \`Idempotency-Replayed: true\`.`,
    'Lists come in pages: `next_cursor` of one page is `cursor` of the next, for the same caller and the same query. A caller with an API token' +
      ' is told in `Token-Expires-In` how many seconds it has left. Errors are RFC 9457 problems, `application/problem+json`, whose `type` leads to a page that says what the code means and what to do; unknown fields are errors that name the nearest known one.',
    '```sh\ncurl https://auth.example.com/api/v1/tokens -H "Authorization: Bearer $TOKEN" -H "Idempotency-Key: $(uuidgen)" \\\n  --json \'{"name":"nightly","kind":"service","owner":"service:reports","apis":["urn:example:reports"],"scopes":["read"]}\'\n```',
    '## Routes',
    ...operations,
    '## Schemas',
    ...Object.entries(named).flatMap(([name, one]) => [`### ${name}`, fields(one, named)]),
  ].join('\n\n')}\n`
}

/** A page for each code: what each room means by it, and what to do. */
export function problemPages(
  { meaningsOf }: Described,
  tables: readonly unknown[],
): readonly { readonly path: string; readonly text: string }[] {
  const made = MADE.replace('src/admin', 'the refusal tables of the rooms')
  return [...meaningsOf(tables)].map(([code, meanings]) => ({
    path: `docs/problems/${code}.md`,
    text: `${[
      `# ${code}`,
      made,
      ...meanings.flatMap(({ about, status, words, remedy }) => [
        `${about}: status ${status}. ${words}`,
        `**What to do.** ${remedy}`,
      ]),
      '[The API](../api.md)',
    ].join('\n\n')}\n`,
  }))
}
