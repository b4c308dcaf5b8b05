import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { runClosed } from '../../../bench/generator/closed.ts'
import { runOpen } from '../../../bench/generator/open.ts'
import type { Player } from '../../../bench/generator/player.ts'
import { get } from '../../../bench/generator/request.ts'

describe('the loops of the generator', () => {
  let server: Server
  let port: number
  let asked: string[]
  let status: number

  beforeEach(async () => {
    asked = []
    status = 200
    server = createServer((req, res) => {
      asked.push(String(req.url))
      res.writeHead(status, { 'content-length': 2 }).end('ok')
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    port = (server.address() as AddressInfo).port
  })

  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  /** Units of two requests. */
  const pairs = (count: number): readonly Player[] =>
    Array.from({ length: count }, () => {
      let isSecond = false
      return {
        begin: () => get(port, '/one'),
        take(answer) {
          if (answer.status !== 200) throw new Error(`answered ${answer.status}`)
          isSecond = !isSecond
          return isSecond ? get(port, '/two') : undefined
        },
      }
    })

  it('plays so many units and no more, and times each request', async () => {
    const { units, latencies } = await runClosed(port, pairs(4), { seconds: 60, units: 50 })
    assert.equal(units, 50)
    assert.equal(latencies.length, 100)
    assert.equal(asked.filter((path) => path === '/two').length, 50)
  })

  it('begins as many units as the rate asks, whatever the connections', async () => {
    const { units, late } = await runOpen(port, pairs(2), { seconds: 0.5, rate: 100 })
    assert.equal(units + late, 50)
  })

  it('rejects at an answer that is not right', async () => {
    status = 500
    await assert.rejects(runClosed(port, pairs(2), { seconds: 60 }), /answered 500/)
    await assert.rejects(runOpen(port, pairs(2), { seconds: 60, rate: 10 }), /answered 500/)
  })
})
