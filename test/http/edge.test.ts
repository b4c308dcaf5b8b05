/** The edge: bodies that were read early, and views of a request that name our own origin alone. */

import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { BadBody, earlyId, keepEarly, readBody, requestView } from '../../src/http/edge.ts'

function requestOf(headers: Readonly<Record<string, string>> = {}, url = '/token'): IncomingMessage {
  const req = new IncomingMessage(new Socket())
  Object.assign(req, { headers, url, method: 'POST' })
  return req
}

describe('a body that was read early', () => {
  it('is given on, with the name of the request', async () => {
    const req = requestOf()
    assert.equal(earlyId(req), undefined)
    keepEarly(req, { body: Buffer.from('a=b'), requestId: 'early' })
    assert.equal((await readBody(req)).toString(), 'a=b')
    assert.equal((await readBody(req)).toString(), 'a=b', 'as often as it is asked for')
    assert.equal(earlyId(req), 'early')
  })

  it('may be empty, and is not waited for', async () => {
    const req = requestOf()
    keepEarly(req, { body: Buffer.alloc(0), requestId: 'early' })
    assert.equal((await readBody(req)).length, 0)
  })

  it('belongs to its own request', async () => {
    const [one, other] = [requestOf(), requestOf()]
    keepEarly(one, { body: Buffer.from('mine'), requestId: 'one' })
    other.push('yours')
    other.push(null)
    assert.equal((await readBody(other)).toString(), 'yours')
    assert.equal(earlyId(other), undefined)
  })

  it('is too long where less is allowed', async () => {
    const req = requestOf({ 'content-length': '3' })
    keepEarly(req, { body: Buffer.from('a=b'), requestId: 'early' })
    await assert.rejects(readBody(req, 2), (cause) => cause instanceof BadBody && cause.status === 413)
  })
})

describe('a view of a request', () => {
  const input = { body: Buffer.from('x'), origin: new URL('https://id.example'), address: '203.0.113.7' }
  const forged = {
    host: 'evil.example',
    forwarded: 'host=evil.example',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-proto': 'http',
    accept: 'text/html',
  }

  it('names our origin, whatever its headers say', () => {
    assert.deepEqual(requestView(requestOf(forged), input).headers, {
      accept: 'text/html',
      host: 'id.example',
      'x-forwarded-proto': 'https',
      'x-forwarded-for': '203.0.113.7',
    })
  })

  for (const [url, path] of [
    ['/token?x=http://evil.example/', '/token?x=http://evil.example/'],
    ['http://evil.example/token?x=1', '/token?x=1'],
    ['HTTPS://evil.example:8443/a//b', '/a//b'],
    ['http://evil.example', '/'],
    ['http://evil.example?x=1', '/?x=1'],
    ['http://user@evil.example/token', '/token'],
    ['//evil.example/token', '//evil.example/token'],
    ['*', '*'],
  ] as const)
    it(`is ${path} for ${url}`, () => assert.equal(requestView(requestOf({}, url), input).url, path))

  it('leaves the request as it was', () => {
    const req = requestOf(forged, 'http://evil.example/token')
    requestView(req, input)
    assert.deepEqual([req.url, req.headers], ['http://evil.example/token', forged])
  })
})
