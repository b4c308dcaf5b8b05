/** Paths of a token. */

import assert from 'node:assert/strict'
import { isTemplate, matchesPath } from '../../src/api-tokens/paths.ts'

describe('paths of a token', () => {
  it('match segment by segment, and no trick walks around them', () => {
    for (const [template, path, matches] of [
      ['/orders/{id}', '/orders/7', true],
      ['/orders/{id}', '/orders/7?x=1', true],
      ['/orders/{id}', '/orders/', false],
      ['/orders/{id}', '/orders/7/lines', false],
      ['/files/**', '/files/a/b', true],
      ['/files/**', '/files', true],
      ['/files/**', '/files/../orders', false],
      ['/files/**', '/files/%2e%2e/orders', false],
      ['/files/**', '/filesystem', false],
    ] as const)
      assert.equal(matchesPath(template, path), matches, `${template} ${path}`)
  })

  it('fit nothing that means another path to somebody downstream', () => {
    for (const path of [
      '/files/..;/admin',
      '/files/a;/..;/admin',
      '/files/..;x=1/admin',
      '/files/.;/admin',
      '/files/..%3b/admin',
      '/files/..%3B/admin',
      '/files/..%5cadmin',
      '/files/..%5C..%5Cadmin',
      '/files/..\\admin',
      '/files/%252e%252e/admin',
      '/files/..%252fadmin',
      '/files/..%00/admin',
      '/files/..\0/admin',
      '/files/..%0d/admin',
      '/files/%c0%ae%c0%ae/admin',
      '/files/%e0%80%ae/admin',
      '/files/%u002e%u002e/admin',
      '/files/%/admin',
      '/files/a%2f..%2fadmin',
    ])
      assert.equal(matchesPath('/files/**', path), false, path)
    assert.equal(matchesPath('/orders/{id}', '/orders/%00'), false)
    assert.equal(matchesPath('/orders/{id}', '/orders/..;'), false)
    for (const path of ['/files/..a', '/files/a..b', '/files/a;v=1/b', '/files/caf%C3%A9%20x', '/files/…'])
      assert.equal(matchesPath('/files/**', path), true, path)
  })

  it('are templates of two forms, and what only looks like one is refused', () => {
    for (const good of ['/', '/**', '/a/{b}/**', '/a;v=1/{b.c}', '/a/…', '/a/']) assert.ok(isTemplate(good), good)
    for (const bad of [
      ...['', 'a', '/a/**/b', '/../a', '/a/*', '/a/x**', '/a/**x', '/a/{id', '/a/id}', '/a/{}', '/a/x{id}', '/a/{id}x'],
      ...['/a/{b{c}}', '/a/{*}', '/a/./b', '/a/..;/b', '/a/%20', '/a\\b', '/a?b', '/a#b', '/a/\0', '/a/***'],
    ])
      assert.ok(!isTemplate(bad), bad)
  })
})
