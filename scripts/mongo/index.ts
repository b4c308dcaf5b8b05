/**
 * Finds a MongoDB-wire server for tests: MONGODB_URI, a `mongod` on the PATH, mongodb-memory-server, mongo-java-server by Maven.
 * Fails with one clear sentence when none can be had: a run without MongoDB is a failed run, not a skipped one.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

/** A server that runs. `stop` ends it, if it was started here. */
export interface TestMongo {
  readonly uri: string
  readonly source: string
  stop(): Promise<void>
}

const run = promisify(execFile)
const HERE = import.meta.dirname
const CACHE = resolve(HERE, '../../.cache/mongo')
const DOWNLOAD_MS = 15_000

async function has(program: string, ...args: readonly string[]): Promise<boolean> {
  return run(program, [...args]).then(
    () => true,
    () => false,
  )
}

/** Ends a child by its own id and waits until it is gone. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  // Whatever did not wait for it while it ran waits for its end.
  child.ref()
  const gone = new Promise((done) => child.once('exit', done))
  child.stdin?.end()
  child.kill('SIGTERM')
  await gone
}

/** The first line of a child's output that a test accepts; rejects when the child ends first. */
function lineOf(child: ChildProcess, accept: (line: string) => string | undefined): Promise<string> {
  return new Promise((done, fail) => {
    if (!child.stdout) return fail(new Error('the child has no output'))
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = accept(line)
      if (found !== undefined) done(found)
    })
    child.once('error', fail)
    child.once('exit', (code) => fail(new Error(`ended with ${code} before it was ready`)))
  })
}

async function given(): Promise<TestMongo | undefined> {
  const uri = process.env.MONGODB_URI
  return uri ? { uri, source: 'MONGODB_URI', stop: async () => {} } : undefined
}

async function mongod(): Promise<TestMongo | undefined> {
  if (!(await has('mongod', '--version'))) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'mintmark-mongod-'))
  const port = 20_000 + (process.pid % 20_000)
  const child = spawn('mongod', ['--dbpath', folder, '--port', String(port), '--bind_ip', '127.0.0.1'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await lineOf(child, (line) => (/waiting for connections/i.test(line) ? 'ready' : undefined))
  return {
    uri: `mongodb://127.0.0.1:${port}`,
    source: 'mongod on the PATH',
    async stop() {
      await ended(child)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

process.env.MONGOMS_MAX_RETRIES ??= '0'

async function memoryServer(): Promise<TestMongo | undefined> {
  const { MongoMemoryServer } = await import('mongodb-memory-server-core')
  const late = new Promise<never>((_done, fail) =>
    setTimeout(() => fail(new Error(`no download within ${DOWNLOAD_MS / 1000} s`)), DOWNLOAD_MS).unref(),
  )
  const server = await Promise.race([
    MongoMemoryServer.create({ binary: { downloadDir: join(CACHE, 'binaries') } }),
    late,
  ])
  return { uri: server.getUri(), source: 'mongodb-memory-server', stop: async () => void (await server.stop()) }
}

async function provideJava(): Promise<void> {
  if ((await has('mvn', '-v')) && (await has('java', '-version'))) return
  if (process.getuid?.() !== 0 || !(await has('apt-get', '-v'))) throw new Error('Maven and Java are not installed')
  await run('apt-get', ['install', '-y', '--no-install-recommends', 'maven', 'default-jdk-headless'])
}

async function javaServer(): Promise<TestMongo | undefined> {
  await provideJava()
  const jars = join(CACHE, 'jars')
  if (!existsSync(jars)) {
    mkdirSync(CACHE, { recursive: true })
    copyFileSync(join(HERE, 'pom.xml'), join(CACHE, 'pom.xml'))
    await run('mvn', ['-q', '-B', 'dependency:copy-dependencies', '-DoutputDirectory=jars.part'], { cwd: CACHE })
    const { renameSync } = await import('node:fs')
    renameSync(join(CACHE, 'jars.part'), jars)
  }
  const child = spawn(
    'java',
    ['-Xmx768m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-cp', `${jars}/*`, join(HERE, 'Server.java')],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  )
  const port = await lineOf(child, (line) => (/^\d+$/.test(line) ? line : undefined))
  child.unref()
  return { uri: `mongodb://127.0.0.1:${port}`, source: 'mongo-java-server', stop: () => ended(child) }
}

const WAYS = [
  ['MONGODB_URI', given],
  ['mongod on the PATH', mongod],
  ['mongodb-memory-server', memoryServer],
  ['mongo-java-server by Maven', javaServer],
] as const

/** Starts or finds the server. Throws when none can be had, with what was tried. */
export async function startMongo(): Promise<TestMongo> {
  const tried: string[] = []
  for (const [name, way] of WAYS) {
    try {
      const server = await way()
      if (server) return server
      tried.push(`${name}: not there`)
    } catch (cause) {
      tried.push(`${name}: ${cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)}`)
    }
  }
  throw new Error(
    `No MongoDB server for the tests can be had (${tried.join('; ')}). Set MONGODB_URI, or install mongod, or Maven with Java.`,
  )
}
