/** A bare `node:http` server that repeats answers given to it: what the runtime itself takes for an exchange of these bytes. */

import { createServer } from 'node:http'
import type { Running, SideOrder } from './protocol.ts'

/** Starts it. A path that it was given nothing for is 404. */
export async function startBare({ port, canned = [] }: SideOrder): Promise<Running> {
  const answers = new Map(
    canned.map(({ path, headers, body }) => [path, { headers: [...headers], body: Buffer.from(body) }]),
  )
  const server = createServer((req, res) => {
    const answer = answers.get(req.url ?? '')
    if (!answer) {
      res.writeHead(404).end()
      return
    }
    res.writeHead(200, answer.headers)
    res.end(answer.body)
  })
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  return { apiTokens: [], stop: async () => void server.close() }
}
