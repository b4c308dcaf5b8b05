import assert from 'node:assert/strict'
import { headerOf, memberOf, readAnswer } from '../../../bench/generator/answer.ts'

const WHOLE = Buffer.from(
  'HTTP/1.1 200 OK\r\nSet-Cookie: a=1; path=/\r\nContent-Length: 23\r\nset-cookie: b=2\r\n\r\n{"access_token":"mm_x"}',
)

describe('what the generator reads of an answer', () => {
  it('waits for all of it, wherever it is cut', () => {
    for (let cut = 0; cut < WHOLE.length; cut++) assert.equal(readAnswer(WHOLE.subarray(0, cut)), undefined)
    assert.equal(readAnswer(WHOLE)?.size, WHOLE.length)
  })

  it('leaves what follows to the next', () => {
    assert.equal(readAnswer(Buffer.concat([WHOLE, Buffer.from('HTTP')]))?.size, WHOLE.length)
  })

  it('finds status, headers in any letter case, and a member of the body', () => {
    const answer = readAnswer(WHOLE)?.answer
    assert.ok(answer)
    assert.equal(answer.status, 200)
    assert.deepEqual(headerOf(answer, 'set-cookie'), ['a=1; path=/', 'b=2'])
    assert.equal(memberOf(answer, 'access_token'), 'mm_x')
  })

  it('refuses a member that is not there, and an answer whose length nobody gave', () => {
    const answer = readAnswer(WHOLE)?.answer
    assert.ok(answer)
    assert.throws(() => memberOf(answer, 'refresh_token'), /no refresh_token in 200/)
    assert.throws(
      () => readAnswer(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')),
      /without a length/,
    )
  })

  it('takes an answer that can have no body', () => {
    assert.equal(readAnswer(Buffer.from('HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n'))?.answer.body.length, 0)
  })
})
