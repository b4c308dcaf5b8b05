/** What makes a child no wider than its parent: a property over networks and path templates, and the cases that people write. */

import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isNoWider, isWithin } from '../../src/api-tokens/networks.ts'
import { isPathInside, isTemplate, matchesPath } from '../../src/api-tokens/paths.ts'
import type { Rights } from '../../src/api-tokens/records.ts'
import { isNarrower } from '../../src/api-tokens/rules.ts'

// Few bits and few words, so that what is drawn meets: v4, v6, v4 inside v6, and all of each.
const byte = fc.constantFrom(0, 1, 2, 128, 255)
const v4 = fc.tuple(fc.constantFrom(10, 11), byte, byte, byte).map((parts) => parts.join('.'))
const v6 = fc.oneof(
  fc.tuple(fc.constantFrom('2001:db8', '2001:db9'), byte).map(([net, end]) => `${net}::${end.toString(16)}`),
  v4.map((text) => `::ffff:${text}`),
  v4.map(
    (text) =>
      `::ffff:${text
        .split('.')
        .map((one) => Number(one).toString(16).padStart(2, '0'))
        .join('')
        .replace(/(.{4})/, '$1:')}`,
  ),
  fc.constant('::'),
)
const network = fc.oneof(
  fc.tuple(v4, fc.constantFrom(0, 7, 8, 9, 16, 24, 31, 32)).map(([text, bits]) => `${text}/${bits}`),
  fc.tuple(v6, fc.constantFrom(0, 32, 64, 95, 96, 104, 112, 127, 128)).map(([text, bits]) => `${text}/${bits}`),
  v4,
)
const networks = fc.record({ allow: fc.array(network, { maxLength: 3 }), except: fc.array(network, { maxLength: 3 }) })
const addresses = fc.array(fc.option(fc.oneof(v4, v6), { nil: undefined }), { minLength: 8, maxLength: 16 })

const segment = fc.constantFrom('a', 'b', '')
const template = fc
  .tuple(fc.array(fc.oneof(segment, fc.constant('{x}'), fc.constant('{y}')), { maxLength: 3 }), fc.boolean())
  .map(([parts, isOpen]) => `/${[...parts, ...(isOpen ? ['**'] : [])].join('/')}`)
const paths = fc.array(
  fc.array(segment, { maxLength: 4 }).map((parts) => `/${parts.join('/')}`),
  { minLength: 8, maxLength: 16 },
)

const rights = (more: Partial<Rights>): Rights => ({
  scopes: ['read'],
  apis: [],
  networks: { allow: [], except: [] },
  methods: [],
  paths: [],
  ...more,
})

describe('a child that is called no wider than its parent', () => {
  it('admits no address that its parent does not', () => {
    let narrower = 0
    fc.assert(
      fc.property(networks, networks, addresses, (child, parent, all) => {
        if (!isNoWider(child, parent)) return
        narrower++
        for (const one of all) if (isWithin(child, one)) assert.ok(isWithin(parent, one), String(one))
      }),
      { numRuns: 20_000 },
    )
    assert.ok(narrower > 500, `too few were narrower: ${narrower}`)
  })

  it('fits no path that its parent does not, and every template lies inside itself', () => {
    let inside = 0
    fc.assert(
      fc.property(template, template, paths, (child, parent, all) => {
        assert.ok(isTemplate(child) && isPathInside(child, child))
        if (!isPathInside(child, parent)) return
        inside++
        for (const one of all) if (matchesPath(child, one)) assert.ok(matchesPath(parent, one), one)
      }),
      { numRuns: 20_000 },
    )
    assert.ok(inside > 500, `too few lay inside: ${inside}`)
  })

  it('may have a smaller network, a smaller path, and a larger exception', () => {
    const nets = (allow: readonly string[], except: readonly string[] = []) => ({ networks: { allow, except } })
    for (const [child, parent, isNo] of [
      [nets(['10.2.0.0/16']), nets(['10.0.0.0/8']), true],
      [nets(['10.2.3.4']), nets(['192.0.2.0/24', '10.0.0.0/8']), true],
      [nets(['11.0.0.0/8']), nets(['10.0.0.0/8']), false],
      [nets(['10.0.0.0/7']), nets(['10.0.0.0/8']), false],
      [nets([]), nets(['10.0.0.0/8']), false],
      [nets([]), nets(['::/0']), false],
      [nets(['10.0.0.0/8'], ['10.0.0.0/15']), nets(['10.0.0.0/8'], ['10.1.0.0/16']), true],
      [nets(['10.0.0.0/8'], ['10.1.1.0/24']), nets(['10.0.0.0/8'], ['10.1.0.0/16']), false],
      [nets(['10.2.0.0/16']), nets(['10.0.0.0/8'], ['10.1.0.0/16']), true],
      [nets(['10.1.2.0/24']), nets(['10.0.0.0/8'], ['10.1.0.0/16']), false],
      [nets(['::/0']), nets([], ['10.0.0.0/8']), false],
      [{ paths: ['/b/c'] }, { paths: ['/b/**'] }, true],
      [{ paths: ['/a/1', '/a/{n}'] }, { paths: ['/a/{id}'] }, true],
      [{ paths: ['/b/c/**'] }, { paths: ['/b/**'] }, true],
      [{ paths: ['/b/**'] }, { paths: ['/b/{x}'] }, false],
      [{ paths: ['/a/{id}'] }, { paths: ['/a/1'] }, false],
      [{ paths: [] }, { paths: ['/a/1'] }, false],
      [{ paths: ['/a/1'] }, {}, true],
    ] as const)
      assert.equal(isNarrower(rights(child), rights(parent)), isNo, JSON.stringify([child, parent]))
  })
})
