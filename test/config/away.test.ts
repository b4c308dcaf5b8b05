/** Own policies of a configuration that was read afresh: asked in their thread, never a danger to this one. */

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createEngine, refreshNorm } from '../../src/rotation/index.ts'
import { factsFor } from '../rotation/facts.ts'
import { closeAll, config, read, uid } from './reading.ts'

const run = promisify(execFile)

const never = new AbortController().signal

describe('an own policy in its thread', () => {
  afterEach(closeAll)

  const OWN = `
    let asked = 0
    const sync = ({ credential }) => ({ do: credential.bound === 'none' ? 'rotate' : 'keep', why: 'asked ' + ++asked })
    const later = async (facts) => { await new Promise((go) => setTimeout(go, 5)); return { do: 'deny', why: facts.client.id } }
    const throws = () => { throw new Error('boom') }
    const rejects = async () => { throw 'later boom' }
    const hangs = (_facts, signal) => new Promise((go) => signal.addEventListener('abort', () => { aborted++; go({ do: 'keep' }) }))
    const odd = () => ({ do: () => 'keep' })
    let aborted = 0
    const count = () => ({ do: 'keep', why: 'aborted ' + aborted })
    const exits = () => process.exit(1)
    export default { rotation: [sync, later, throws, rejects, hangs, odd, count, exits] }`
  async function policies(text = OWN) {
    const fresh = await read(config(text))
    const ask = async (name: string, signal = never) => {
      const rule = fresh.configuration.rotation.find((one) => one.name === name)
      return rule?.policy(factsFor(), signal)
    }
    return { fresh, ask }
  }

  it('is asked there, whether it answers at once or later', async () => {
    const { ask } = await policies()
    assert.deepEqual(await ask('sync'), { do: 'rotate', why: 'asked 1' })
    assert.deepEqual(await ask('sync'), { do: 'rotate', why: 'asked 2' }, 'it keeps what it remembers')
    assert.deepEqual(await ask('later'), { do: 'deny', why: 'web' })
  })

  it('rejects when it throws, or says what can not be copied', async () => {
    const { ask } = await policies()
    await assert.rejects(ask('throws'), /boom/)
    await assert.rejects(ask('rejects'), /later boom/)
    await assert.rejects(ask('odd'), /can't be copied/)
  })

  it('is told when its time is over', async () => {
    const { ask } = await policies()
    const abort = new AbortController()
    const hanging = ask('hangs', abort.signal)
    abort.abort(new Error('over its 50 ms'))
    await assert.rejects(hanging, /over its 50 ms/)
    assert.deepEqual(await ask('count'), { do: 'keep', why: 'aborted 1' })
    await assert.rejects(ask('sync', abort.signal), /over its 50 ms/)
  })

  it('rejects once its thread is gone, by itself or with its configuration, and nothing else happens', async () => {
    const { ask } = await policies()
    await assert.rejects(ask('exits'), /thread ended/)
    await assert.rejects(ask('sync'), /thread ended/)
    const crashing = await policies(
      "const own = () => { setTimeout(() => { throw new Error('late boom') }); return new Promise(() => {}) }\nexport default { rotation: [own] }",
    )
    await assert.rejects(crashing.ask('own'), /thread stopped: late boom/)
    const closed = await policies()
    const last = closed.ask('later')
    await closed.fresh.close()
    assert.deepEqual(await last, { do: 'deny', why: 'web' }, 'what runs is answered')
    await assert.rejects(closed.ask('sync'), /was replaced/)
    await closed.fresh.close()
  })

  it('that holds its thread holds nobody else, and lets nothing pile up', async () => {
    const { configuration, close } = await read(
      config('const own = () => { for (;;); }\nexport default { rotation: [own] }'),
    )
    const policy = configuration.rotation[0]?.policy
    const asked = Array.from({ length: 1200 }, async () => policy?.(factsFor(), never))
    const refused = await Promise.allSettled(asked.slice(1000))
    assert.ok(refused.every((one) => one.status === 'rejected' && /does not answer/.test(String(one.reason))))
    await Promise.all([close(), Promise.allSettled(asked)])
  })

  it('keeps no process alive that has nothing else to do', async () => {
    const path = config('const own = () => ({ do: "keep" })\nexport default { rotation: [own] }')
    const [fresh, rotation] = ['config', 'rotation'].map((room) =>
      JSON.stringify(join(import.meta.dirname, '../../src', room, 'index.ts')),
    )
    const program = `
      import { readFresh } from ${fresh}
      import { policyOf } from ${rotation}
      const { configuration } = await readFresh(${JSON.stringify(path)}, { uid: ${uid}, revive: policyOf })
      const hold = setTimeout(() => {}, 20_000)
      const said = await configuration.rotation[0].policy({}, new AbortController().signal)
      clearTimeout(hold)
      console.log(JSON.stringify(said))`
    const { stdout } = await run(process.execPath, ['--eval', program], { timeout: 15_000 })
    assert.equal(stdout.trim(), '{"do":"keep"}')
  })

  it('counts for the engine like any other', async () => {
    const { fresh } = await policies()
    const engine = createEngine({
      rules: fresh.configuration.rotation.filter(({ name }) => ['sync', 'later', 'throws'].includes(name)),
      norm: refreshNorm,
      stopwatch: () => 0,
      after: () => () => {},
      report: () => {},
    })
    const { do: done, opinions } = await engine.decide(factsFor())
    assert.equal(done, 'deny')
    assert.deepEqual(
      opinions.map(({ policy, failed }) => [policy, failed]),
      [
        ['sync', undefined],
        ['later', undefined],
        ['throws', 'threw: boom'],
      ],
    )
  })
})
