import assert from 'node:assert/strict'
import { aggregate, packageOf, placeOf } from '../../../bench/profile/aggregate.ts'

const ROOT = new URL('../../../', import.meta.url).href
const frame = (functionName: string, url = '', lineNumber = 0) => ({ functionName, url, lineNumber })

describe('a CPU profile added up', () => {
  it('names places without the machine, wherever the repository lies', () => {
    assert.equal(placeOf(`${ROOT}src/oidc/commit.ts`), 'src/oidc/commit.ts')
    assert.equal(placeOf(`${ROOT}node_modules/koa/lib/application.js`), 'koa/lib/application.js')
    assert.equal(placeOf('node:internal/crypto/hash'), 'node:internal/crypto/hash')
  })

  it('names packages: a room, a dependency with its scope, a part of the runtime, V8 itself', () => {
    assert.equal(packageOf(frame('a', `${ROOT}src/oidc/lanes/token.ts`)), 'src/oidc')
    assert.equal(packageOf(frame('a', `${ROOT}src/app.ts`)), 'src')
    assert.equal(packageOf(frame('a', `${ROOT}node_modules/@koa/router/index.js`)), '@koa/router')
    assert.equal(packageOf(frame('a', 'node:internal/crypto/hash')), 'node:internal/crypto')
    assert.equal(packageOf(frame('a', 'node:_http_outgoing')), 'node:_http_outgoing')
    assert.equal(packageOf(frame('(garbage collector)')), '(garbage collector)')
    assert.equal(packageOf(frame('writev')), '(native)')
  })

  it('counts each sample until the next, inside the window only, and idling apart', () => {
    const nodes = [
      { id: 1, callFrame: frame('work', `${ROOT}src/a/b.ts`, 6) },
      { id: 2, callFrame: frame('(idle)') },
      { id: 3, callFrame: frame('work', `${ROOT}src/a/b.ts`, 6) },
    ]
    const profile = { nodes, startTime: 1000, samples: [1, 1, 2, 3, 1], timeDeltas: [0, 100, 50, 30, 20] }
    const costs = aggregate(profile, { from: 1050, to: 2000 })
    assert.deepEqual(costs.functions, [{ name: 'work  src/a/b.ts:7', self: 50 + 20 }])
    assert.deepEqual(costs.packages, [{ name: 'src/a', self: 70 }])
    assert.equal(costs.busy, 70)
    assert.equal(costs.idle, 30)
  })
})
