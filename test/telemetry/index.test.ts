/** No credential can appear in a log line, whatever is handed in. */

import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { Refusal, Secret, systemRandom } from '../../src/base/index.ts'
import { mintCredential } from '../../src/seal/index.ts'
import { createCounters, createLogger, loggedRefusal, scrub } from '../../src/telemetry/index.ts'

const JWT = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ'
const CANARIES = [
  mintCredential(systemRandom, 'cs'),
  'mm_rt_1abcdefghijklmnopqrstuvwxyz0123456789',
  'mm_at_1abcdefghijklmnopqrstuvwxyz-_456789',
  JWT,
  'ada.lovelace@example.test',
]

function lines(log: (logger: ReturnType<typeof createLogger>) => void): string {
  let text = ''
  log(
    createLogger({
      level: 'trace',
      destination: {
        write: (line: string) => {
          text += line
        },
      },
    }),
  )
  return text
}

describe('the log', () => {
  for (const canary of CANARIES) {
    it(`shows no ${canary.slice(0, 5)}... in a message, a field, a nested field, an error or a URL`, () => {
      const text = lines((logger) => {
        logger.info(`got ${canary} from someone`)
        logger.info({ note: canary, deep: { deeper: [canary] } }, 'fields')
        logger.error({ err: new Error(`failed on ${canary}`, { cause: new Error(canary) }) }, 'an error')
        logger.warn({ url: `https://app.example/cb?code=${canary}&state=1` }, 'a url')
        logger.info({ headers: { authorization: `Bearer ${canary}` } }, 'headers')
      })
      assert.ok(text.split('\n').length >= 5)
      assert.equal(text.includes(canary), false)
    })
  }

  it('says of a refusal its code and what stood against it, and where in our code nobody', () => {
    const cause = new Error('the cursor is of another key')
    const refusal = new Refusal({ code: 'bad_cursor', status: 400, message: 'No.', facts: { page: 2 }, cause })
    const text = lines((logger) => logger.info(loggedRefusal(refusal), 'refused'))
    const { refusal: code, facts, because } = JSON.parse(text)
    assert.deepEqual([code, facts, because], ['bad_cursor', { page: 2 }, 'the cursor is of another key'])
    assert.ok(!text.includes('[hidden]') && !/\bat .*\.ts/.test(text))
  })

  it('shows no field that is named like a secret, and no basic credentials or database password', () => {
    const text = lines((logger) => {
      logger.info(
        { password: 'tuba-lantern', body: { client_secret: 'tuba-lantern', refresh_token: 'tuba-lantern' } },
        'named',
      )
      logger.info(
        {
          header: `Basic ${Buffer.from('web:tuba-lantern').toString('base64')}`,
          uri: 'mongodb://mint:tuba-lantern@db/x',
          query: 'grant_type=x&password=tuba-lantern&code_verifier=tuba-lantern',
        },
        'texts',
      )
    })
    assert.equal(text.includes('tuba-lantern'), false)
    assert.equal(text.includes(Buffer.from('web:tuba-lantern').toString('base64')), false)
  })

  it('leaves plain words alone', () => {
    assert.equal(scrub('client web asked for scope read at 12:00'), 'client web asked for scope read at 12:00')
  })

  it('shows a Secret as one, however it is printed', () => {
    const secret = new Secret('tuba-lantern')
    for (const shown of [
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ deep: [secret] }),
      `${secret}`,
    ])
      assert.equal(shown.includes('tuba-lantern'), false)
    assert.equal(secret.reveal(), 'tuba-lantern')
  })
})

describe('counters', () => {
  it('count', () => {
    const counters = createCounters()
    counters.count('a')
    counters.count('a', 2)
    assert.deepEqual(counters.read(), { a: 3 })
  })
})
