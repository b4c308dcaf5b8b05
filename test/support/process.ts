/** A server as people run it: a process of its own, started, asked over its socket, killed by its id. */

import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'
import { askServer } from '../../src/cli/control.ts'
import { allSecrets, OUTPUT } from './world.ts'

const ROOT = resolve(import.meta.dirname, '../..')

/** A server process. */
export interface Process {
  readonly issuer: string
  /** Where it listens; the issuer of several nodes is one of them. */
  readonly address: string
  readonly child: ChildProcess
  readonly dataDir: string
  /** What it printed at its last start. */
  readonly output: string
  /** The first match in its log since its last start, now or when it comes. */
  logged(pattern: RegExp): Promise<RegExpExecArray>
  keepSecret(...texts: readonly (string | undefined)[]): void
  /** Runs a CLI command over the control socket. */
  command(
    command: string,
    values: Readonly<Record<string, unknown>>,
    input?: string,
  ): Promise<Readonly<Record<string, unknown>>>
  kill(): Promise<void>
  stop(): Promise<number | null>
  start(): Promise<void>
}

/** A free port of loopback. */
export function freePort(): Promise<number> {
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => done(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

function exited(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((done) => child.once('exit', (code) => done(code)))
}

/** What a process prints, for who waits for a word of it. */
function watchedLog() {
  let printed = ''
  const looks = new Set<() => void>()
  return {
    restart(): void {
      printed = ''
    },
    take(chunk: string): void {
      printed += chunk
      for (const look of looks) look()
    },
    logged: (pattern: RegExp): Promise<RegExpExecArray> =>
      new Promise((found) => {
        const look = (): void => {
          const match = pattern.exec(printed)
          if (!match) return
          looks.delete(look)
          found(match)
        }
        looks.add(look)
        look()
      }),
  }
}

/** Starts `command` (the repository's server unless given) with a data folder of its own. */
export async function startProcess(
  input: {
    readonly env?: Readonly<Record<string, string>>
    readonly command?: readonly string[]
    readonly cwd?: string
    /** With a channel for messages. */
    readonly ipc?: boolean
  } = {},
): Promise<Process> {
  const port = await freePort()
  const dataDir = mkdtempSync(join(OUTPUT, 'stores', 'proc-'))
  const file = createWriteStream(join(OUTPUT, 'logs', `process-${port}.log`))
  const [program = process.execPath, ...args] = input.command ?? [process.execPath, join(ROOT, 'src/main.ts')]
  let child: ChildProcess | undefined
  let output = ''
  const log = watchedLog()

  async function start(): Promise<void> {
    output = ''
    log.restart()
    const { PATH = '', HOME = '' } = process.env
    const started = spawn(program, args, {
      cwd: input.cwd ?? ROOT,
      env: { PATH, HOME, PORT: String(port), DATA_DIR: dataDir, LOG_LEVEL: 'info', ...input.env },
      stdio: input.ipc ? ['ignore', 'pipe', 'pipe', 'ipc'] : ['ignore', 'pipe', 'pipe'],
    })
    child = started
    let errors = ''
    started.stderr?.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
      file.write(chunk)
    })
    await new Promise<void>((done, fail) => {
      started.once('exit', (code) => fail(new Error(`the server ended with ${code}: ${errors}`)))
      started.stdout?.on('data', (chunk: Buffer) => {
        log.take(chunk.toString())
        // What is shown once goes to the terminal on purpose; everything that follows is the log.
        if (output.includes('issuer')) file.write(chunk)
        else output += chunk.toString()
        if (output.includes('issuer')) done()
      })
    })
  }
  await start()
  return {
    issuer: input.env?.ISSUER ?? `http://localhost:${port}`,
    address: `http://localhost:${port}`,
    get child() {
      if (!child) throw new Error('the server was never started')
      return child
    },
    dataDir,
    get output() {
      return output
    },
    logged: log.logged,
    keepSecret(...texts) {
      for (const text of texts) if (text && text.length >= 8) allSecrets.push(text)
    },
    async command(command, values, secret = '') {
      const answer = await askServer(dataDir, { command, argument: '', input: secret, values: { ...values } })
      if (!answer || !('result' in answer)) throw new Error(`${command}: ${JSON.stringify(answer)}`)
      return typeof answer.result === 'object' && answer.result !== null ? { ...answer.result } : {}
    },
    async kill() {
      child?.kill('SIGKILL')
      if (child) await exited(child)
    },
    async stop() {
      child?.kill('SIGTERM')
      return child ? exited(child) : null
    },
    start,
  }
}
