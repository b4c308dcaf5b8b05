/** Runs mocha in a child: one process for the suite, its log in a file, and an answer even when the child dies or hangs. */

import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Tally } from './reporter.ts'

/** Where and what to run. */
export interface Run {
  readonly root: string
  /** Arguments to mocha: files, patterns, --grep. */
  readonly args: readonly string[]
  /** File for whatever the code under test prints. */
  readonly log: string
  readonly env?: Readonly<Record<string, string>>
  readonly print: (text: string) => void
  /** How long after its last test the suite may take to end. */
  readonly lingerMs?: number
  readonly limitMs?: number
}

const LINGER_MS = 15_000
const LIMIT_MS = 30 * 60_000
const TAIL_LINES = 40

function isTally(message: unknown): message is Tally {
  return typeof message === 'object' && message !== null && 'passed' in message && 'failed' in message
}

function tail(log: string): string {
  return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
}

/** What has to be added to the tally for how the child ended, in words; undefined when all is well. */
function faultOf(tally: Tally | undefined, why: string | undefined, how: string): string | undefined {
  if (why) return why
  if (!tally) return `the suite ended without a result (${how})`
  if (tally.passed + tally.failed + tally.skipped === 0) return 'no test matched'
  return undefined
}

/** Runs it. Resolves with the tally; a child that crashes, hangs or finds no test counts as one failure. */
export async function runMocha(run: Run): Promise<Tally> {
  const log = openSync(run.log, 'w')
  const reporter = join(import.meta.dirname, 'reporter.ts')
  const mocha = join(import.meta.dirname, '../../node_modules/mocha/bin/mocha.js')
  const child = spawn(process.execPath, [mocha, '--reporter', reporter, ...run.args], {
    cwd: run.root,
    env: { ...process.env, ...run.env, REPORT_FD: '3' },
    stdio: ['ignore', log, log, 'pipe', 'ipc'],
  })
  closeSync(log)
  child.stdio[3]?.on('data', (chunk: Buffer) => run.print(chunk.toString()))
  let tally: Tally | undefined
  let why: string | undefined
  const stop = (reason: string) => {
    why = reason
    child.kill('SIGKILL')
  }
  const limit = setTimeout(stop, run.limitMs ?? LIMIT_MS, 'the suite ran into its time limit')
  let linger: NodeJS.Timeout | undefined
  child.on('message', (message) => {
    if (!isTally(message)) return
    tally = message
    linger = setTimeout(
      stop,
      run.lingerMs ?? LINGER_MS,
      'the suite did not end after its last test: something is left open',
    )
  })
  const how = await new Promise<string>((resolve, reject) => {
    child.once('error', reject).once('close', (code, signal) => resolve(signal ?? `exit ${code}`))
  })
  clearTimeout(limit)
  clearTimeout(linger)
  const fault = faultOf(tally, why, how)
  if (fault) run.print(`\n✖ ${fault}\n${tail(run.log)}\n`)
  const { passed, failed, skipped } = tally ?? { passed: 0, failed: 0, skipped: 0 }
  return { passed, failed: failed + (fault ? 1 : 0), skipped }
}
