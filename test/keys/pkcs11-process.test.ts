/** The process that holds a vendor's module: killed, hung, orphaned, closed, and what it is told. */

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createPkcs11Signers } from '../../src/keys/pkcs11/signers.ts'
import { SignerUnavailable } from '../../src/keys/signers.ts'
import { madeKey, signed, verified } from '../support/jws.ts'
import { withToken, worksAgain } from '../support/pkcs11.ts'

describe('the process with the PKCS#11 module', () => {
  const suite = withToken()

  it('may be killed: what it had in work is refused, and the next one signs with the same keys', async () => {
    const client = await suite.open()
    const signers = createPkcs11Signers(client)
    const key = await madeKey(signers, 'ES256')
    const sign = await signers.open(key)
    const { pid } = client
    assert.ok(pid)
    process.kill(pid, 'SIGSTOP')
    const inWork = assert.rejects(signed(key, sign), SignerUnavailable)
    process.kill(pid, 'SIGKILL')
    await inWork
    await worksAgain(() => signed(key, sign))
    assert.notEqual(client.pid, pid)
    assert.equal(client.counts.restarts, 1)
    await verified(await signed(key, sign), key)
  })

  it('may hang: each call is refused at the end of its budget and counted, and a process that stays silent is replaced', async () => {
    const client = await suite.open({ budgetMs: 300 })
    const signers = createPkcs11Signers(client)
    const key = await madeKey(signers, 'ES256')
    const sign = await signers.open(key)
    const { pid } = client
    assert.ok(pid)
    process.kill(pid, 'SIGSTOP')
    await assert.rejects(signed(key, sign), { name: 'SignerUnavailable', message: /did not answer within 300 ms/ })
    assert.equal(client.counts.overruns, 1)
    await worksAgain(() => signed(key, sign))
    assert.notEqual(client.pid, pid)
  })

  it('is given the PIN neither in its arguments nor in its environment, and nothing of the environment that it does not need', async () => {
    const client = await suite.open({ env: { ...suite.token.settings.env, MASTER_KEY: 'not for vendors' } })
    const seen = ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${client.pid}/${name}`, 'utf8'))
    for (const text of seen) {
      assert.equal(text.includes(suite.token.pin), false)
      assert.equal(text.includes('not for vendors'), false)
    }
    assert.match(seen.join(), /SOFTHSM2_CONF=/)
  })

  it('ends with the server, even one that was killed', async () => {
    const client = new URL('../../src/keys/pkcs11/client.ts', import.meta.url).href
    const secret = new URL('../../src/base/index.ts', import.meta.url).href
    const script = `
      const [{ openPkcs11 }, { Secret }] = [await import('${client}'), await import('${secret}')]
      const { modulePath, tokenLabel, pin } = ${JSON.stringify({ ...suite.token.settings, env: {}, pin: suite.token.pin })}
      const { pid } = await openPkcs11({ modulePath, tokenLabel, pin: new Secret(pin), env: process.env })
      console.log(pid)
      setInterval(() => {}, 1000)`
    const server = spawn(process.execPath, ['--input-type=module', '-e', script], { env: suite.token.settings.env })
    const pid = await new Promise<number>((done) => server.stdout.once('data', (text: Buffer) => done(Number(text))))
    assert.ok(process.kill(pid, 0))
    server.kill('SIGKILL')
    const until = performance.now() + 10_000
    // Whoever adopts an orphan may be slow to bury it: a zombie has ended.
    const isAlive = () => existsSync(`/proc/${pid}/stat`) && !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    while (isAlive()) {
      assert.ok(performance.now() < until, 'the child outlived its parent')
      await new Promise((done) => setTimeout(done, 10))
    }
  })

  it('finishes what is in flight before it closes, and takes nothing more', async () => {
    const client = await suite.open()
    const signers = createPkcs11Signers(client)
    const key = await madeKey(signers, 'RS256')
    const sign = await signers.open(key)
    const last = Promise.all(Array.from({ length: 8 }, () => signed(key, sign)))
    await signers.close()
    for (const jws of await last) await verified(jws, key)
    await assert.rejects(signed(key, sign), SignerUnavailable)
  })
})
