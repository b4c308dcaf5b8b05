/** The description is valid, whole, and the same as what runs. */

import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { MANAGEMENT_SCOPES } from '../../src/admin/doors.ts'
import { described } from '../../src/admin/index.ts'
import { meaningsOf } from '../../src/admin/pages.ts'
import { routes } from '../../src/admin/rest.ts'
import { refusalTables } from '../../src/app.ts'
import { openRest } from '../support/rest.ts'

type Json = Readonly<Record<string, unknown>>
const ROOT = resolve(import.meta.dirname, '../..')
const json = (value: unknown): Json => (typeof value === 'object' && value !== null ? { ...value } : {})
const at = (value: unknown, ...path: readonly string[]): unknown =>
  path.reduce((one: unknown, part) => json(one)[part], value)
const api = described.openapi('https://issuer.example')

function every(value: unknown, visit: (key: string, value: unknown) => void): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    visit(key, inner)
    every(inner, visit)
  }
}

describe('the description of the API', () => {
  it('is OpenAPI 3.1, in which every $ref resolves and no name stands twice', () => {
    assert.match(String(api.openapi), /^3\.1\./)
    assert.deepEqual(Object.keys(json(api.info)).sort(), ['description', 'title', 'version'])
    const refs: string[] = []
    const ids: unknown[] = []
    every(api, (key, value) => {
      if (key === '$ref') refs.push(String(value))
      if (key === 'operationId') ids.push(value)
      assert.notEqual(key, '$defs')
      assert.notEqual(value, undefined)
    })
    assert.ok(refs.length > 50)
    for (const ref of refs) {
      assert.match(ref, /^#\/components\//)
      assert.ok(at(api, ...ref.slice(2).split('/')), ref)
    }
    assert.equal(new Set(ids).size, routes.length)
    assert.deepEqual(JSON.parse(JSON.stringify(api)), api, 'nothing in it is lost on the way')
  })

  it('has every route, with its security, parameters, body, answer and problems', () => {
    for (const route of routes) {
      const operation = json(at(api, 'paths', route.path, route.method.toLowerCase()))
      assert.equal(operation.operationId, route.name)
      const scopes = [operation.security].flat().flatMap((one) => json(one).bearer as readonly string[])
      assert.ok(scopes.length > 0 && scopes.every((scope) => Object.hasOwn(MANAGEMENT_SCOPES, scope)), route.name)
      const parameters = [operation.parameters].flat().map(json)
      const named = parameters.filter((one) => one.in === 'path').map(({ name }) => name)
      assert.deepEqual(
        named,
        [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
        route.name,
      )
      assert.equal(
        parameters.some(({ $ref }) => $ref === '#/components/parameters/IdempotencyKey'),
        route.method === 'POST',
        route.name,
      )
      assert.equal(operation.requestBody !== undefined, route.body !== undefined, route.name)
      const responses = json(operation.responses)
      assert.ok(responses[String(route.answer.status)], route.name)
      for (const status of ['400', '401', '403', '500', '503']) assert.ok(responses[status], `${route.name} ${status}`)
      for (const [status, response] of Object.entries(responses))
        if (Number(status) >= 400)
          assert.equal(
            at(response, 'content', 'application/problem+json', 'schema', '$ref'),
            '#/components/schemas/Problem',
          )
    }
    assert.equal(Object.values(json(api.paths)).flatMap((path) => Object.keys(json(path))).length, routes.length)
  })

  it('is served to everyone at /api/openapi.json', async () => {
    const world = await openRest('sqlite')
    const { status, body } = await world.call('GET', '/api/openapi.json')
    assert.deepEqual([status, body], [200, JSON.parse(JSON.stringify(api))])
    await world.close()
  })

  it('has a page for every code, and a code for every page', () => {
    const pages = readdirSync(join(ROOT, 'docs/problems')).map((name) => name.replace(/\.md$/, ''))
    assert.deepEqual(pages.sort(), [...meaningsOf(refusalTables).keys()].sort())
    assert.ok(existsSync(join(ROOT, 'docs/api.md')))
    const page = readFileSync(join(ROOT, 'docs/api.md'), 'utf8')
    for (const { method, path } of routes) assert.ok(page.includes(`\`${method} /api/v1${path}\``), path)
  })
})
