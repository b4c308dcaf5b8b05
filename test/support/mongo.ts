/** The one MongoDB-wire server of a test run: started when the first test asks, ended with the run. */

import { startMongo, type TestMongo } from '../../scripts/mongo/index.ts'

let server: Promise<TestMongo> | undefined
let databases = 0
const used: string[] = []

/** The address of a database that nothing else uses. Fails with the clear sentence when no server can be had. */
export async function freshMongoUri(): Promise<string> {
  server ??= startMongo()
  const { uri } = await server
  const name = `t${process.pid}_${databases++}`
  const url = new URL(uri.replace(/^mongodb:/, 'http:'))
  const whole = `mongodb://${url.username ? `${url.username}:${url.password}@` : ''}${url.host}/${name}${url.search}`
  used.push(whole)
  return whole
}

/** Every database of this run, for the search for secrets at the end. */
export function usedMongoUris(): readonly string[] {
  return used
}

/** Ends the server, if one was started. */
export async function stopMongo(): Promise<void> {
  const running = await server?.catch(() => undefined)
  server = undefined
  await running?.stop()
}
