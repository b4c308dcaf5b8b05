/** A suite with a token of its own, whose clients are closed after each test. */

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { skip } from '../../scripts/test/skip.ts'
import { openPkcs11, type Pkcs11Client, type Pkcs11Settings } from '../../src/keys/pkcs11/client.ts'
import { SignerUnavailable } from '../../src/keys/signers.ts'
import { createToken, type TestToken, whyNoToken } from './softhsm.ts'
import { allSecrets, OUTPUT } from './world.ts'

/** The suite's token, there from its first test on, and how to open it. */
export interface TokenSuite {
  readonly token: TestToken
  open(settings?: Partial<Pkcs11Settings>): Promise<Pkcs11Client>
}

/** Called in a `describe`. Where there can be no token its tests are skipped with the reason. */
export function withToken(): TokenSuite {
  const clients: Pkcs11Client[] = []
  let token: TestToken | undefined
  before(function () {
    const why = whyNoToken()
    if (why) skip(this, why)
    token = createToken({ within: join(OUTPUT, 'tokens') })
    allSecrets.push(token.pin)
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close()))
  })
  after(() => token?.remove())
  return {
    get token() {
      assert.ok(token)
      return token
    },
    async open(settings = {}) {
      const client = await openPkcs11({ ...this.token.settings, budgetMs: 5000, ...settings })
      clients.push(client)
      return client
    },
  }
}

/** Tries until it works; each refusal in between must be the one that a signer may give. */
export async function worksAgain(work: () => unknown): Promise<void> {
  const until = performance.now() + 20_000
  for (;;) {
    try {
      await work()
      return
    } catch (error) {
      assert.ok(error instanceof SignerUnavailable)
      assert.ok(performance.now() < until, `not back: ${error.message}`)
      await new Promise((done) => setTimeout(done, 20))
    }
  }
}
