/** OpenAPI 3.1 of the API, from the same declarations that the router runs. Pure. */

import { z } from 'zod'
import { MANAGEMENT_SCOPES } from './doors.ts'
import { PROBLEMS, type ProblemCode, problemType } from './problems.ts'
import type { Route } from './route.ts'

type Json = Readonly<Record<string, unknown>>

/** What every route may refuse. */
const COMMON: readonly ProblemCode[] = [
  'invalid_request',
  'token_missing',
  'token_invalid',
  'insufficient_scope',
  'unavailable',
  'server_error',
]
const POSTED: readonly ProblemCode[] = [
  'idempotency_key_missing',
  'idempotency_key_bad',
  'idempotency_key_reused',
  'idempotency_running',
  'contended',
]
const WITH_BODY: readonly ProblemCode[] = ['not_json', 'body_unreadable', 'body_too_large', 'media_type']

/** Every code that a route may answer with, its verbs' own aside. */
export function problemsOf(route: Route): readonly ProblemCode[] {
  return [
    ...COMMON,
    ...(route.body ? WITH_BODY : []),
    ...(route.method === 'POST' ? POSTED : route.method === 'GET' ? [] : (['contended'] as const)),
    ...(route.on === 'token' ? (['token_unknown'] as const) : []),
    ...route.refusals,
  ]
}

const problemSchema = z.strictObject({
  type: z.url().describe("The code's page."),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  request_id: z.string().describe("Names the request in the server's log."),
  errors: z
    .array(
      z.strictObject({
        in: z.enum(['path', 'query', 'body', 'header']),
        at: z.string().describe("JSON pointer, or the parameter's name."),
        says: z.string(),
      }),
    )
    .optional()
    .describe('What is wrong, part by part.'),
})

/** Collects named schemas where OpenAPI keeps them, and points there. */
class Components {
  readonly schemas: Record<string, unknown> = {}

  of(schema: z.ZodType, io: 'input' | 'output'): unknown {
    const { $schema: _schema, $defs, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' })
    for (const [name, one] of Object.entries($defs ?? {})) this.#add(name, one)
    const { id } = json
    if (typeof id !== 'string') return moved(json)
    this.#add(id, json)
    return { $ref: `#/components/schemas/${id}` }
  }

  #add(name: string, schema: unknown): void {
    const { id: _id, $schema: _schema, ...rest } = schema as Record<string, unknown>
    this.schemas[name] = moved(rest)
  }
}

/** The same with `#/$defs/` pointing at the components. */
function moved(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moved)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === '$ref' && typeof inner === 'string'
        ? [key, inner.replace('#/$defs/', '#/components/schemas/')]
        : [key, moved(inner)],
    ),
  )
}

function fieldsOf(schema: unknown): Json {
  const json = schema as { readonly properties?: Json; readonly required?: readonly string[] }
  return json.properties ?? {}
}

/** Parameters of one place. `required` is for paths: a query's are all optional. */
function parameters(components: Components, where: 'path' | 'query', schema: z.ZodType): readonly Json[] {
  return Object.entries(fieldsOf(components.of(schema, 'input'))).map(([name, one]) => {
    const { description, ...rest } = one as Json
    return { name, in: where, required: where === 'path', ...(description ? { description } : {}), schema: rest }
  })
}

const idempotencyKey = { $ref: '#/components/parameters/IdempotencyKey' }

function responsesOf(components: Components, route: Route): Json {
  const { status, about, schema } = route.answer
  const success =
    status === 204
      ? { description: about }
      : { description: about, content: { 'application/json': { schema: components.of(schema, 'output') } } }
  const byStatus = Map.groupBy([...new Set(problemsOf(route))], (code) => PROBLEMS[code][0])
  const problems = [...byStatus].map(([refused, codes]) => [
    String(refused),
    {
      description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code][1]}`).join('\n'),
      content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      'x-codes': codes,
    },
  ])
  const other = {
    description: 'Any other refusal: a problem with a code of its own.',
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  }
  return { [String(status)]: success, ...Object.fromEntries(problems), default: other }
}

function operationOf(components: Components, route: Route): Json {
  const scopes = [...route.policy.any, ...(route.policy.own ? ['tokens:self'] : [])]
  const own = route.policy.own ? " With `tokens:self`, only for tokens of the caller's own account." : ''
  return {
    operationId: route.name,
    summary: route.about,
    description: `Needs ${route.policy.any.map((scope) => `\`${scope}\``).join(' or ')}.${own}`,
    security: scopes.map((scope) => ({ bearer: [scope] })),
    parameters: [
      ...parameters(components, 'path', route.params),
      ...parameters(components, 'query', route.query),
      ...(route.method === 'POST' ? [idempotencyKey] : []),
    ],
    ...(route.body
      ? { requestBody: { content: { 'application/json': { schema: components.of(route.body, 'input') } } } }
      : {}),
    responses: responsesOf(components, route),
  }
}

/** The description. `issuer`: where the server is. */
export function openapiOf(routes: readonly Route[], issuer: string): Json {
  const components = new Components()
  const paths: Record<string, Record<string, unknown>> = {}
  for (const route of routes) {
    const path = paths[route.path] ?? {}
    path[route.method.toLowerCase()] = operationOf(components, route)
    paths[route.path] = path
  }
  components.schemas.Problem = components.of(problemSchema, 'output')
  return {
    openapi: '3.1.0',
    info: {
      title: 'Mintmark',
      version: '1',
      description: `Management of API tokens and of every live credential. Errors are RFC 9457 problems; the page of a code is ${problemType(issuer, '{code}')}.`,
    },
    servers: [{ url: `${issuer.replace(/\/$/, '')}/api/v1` }],
    paths,
    components: {
      schemas: components.schemas,
      parameters: {
        IdempotencyKey: {
          name: 'Idempotency-Key',
          in: 'header',
          required: true,
          description:
            'A text of your own, new for each thing to be done. For 24 hours the same key gives the same answer, and nothing is done twice. A key is known by caller and route (with the id in its path): the same one at another route is another one.',
          schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[\\x21-\\x7e]+$' },
        },
      },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: `An access token for \`urn:mintmark:api\`, or an API token, with the scopes: ${Object.entries(
            MANAGEMENT_SCOPES,
          )
            .map(([scope, words]) => `\`${scope}\` (${words})`)
            .join(', ')}.`,
        },
      },
    },
  }
}
