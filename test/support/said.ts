/** What a process of a suite's own said on its standard output, and what it complained of. */

import { spawn } from 'node:child_process'

/** Bytes of complaints that are kept: the last ones tell. */
const ERRORS_MAX = 3000

/** A process that has ended. */
export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly errors: string
}

/** Runs Node with these arguments to its end. */
export function nodeSaid(args: readonly string[]): Promise<Ended> {
  const child = spawn(process.execPath, [...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  return new Promise((done) => {
    let [out, errors] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-ERRORS_MAX)
    })
    child.on('close', (code) => done({ code, out, errors }))
  })
}
