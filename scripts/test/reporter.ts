/**
 * Mocha's reporter for `npm test`: what passed, failed and was skipped (with the reason), and the count to the parent.
 * It speaks on the descriptor in REPORT_FD, so that whatever the code under test prints goes to the log instead.
 */

import { writeSync } from 'node:fs'
import { inspect } from 'node:util'
import type { Runnable, Runner, Suite } from 'mocha'
import { reasonOf } from './skip.ts'

/** What a run comes to; sent to the parent when all tests have run. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

const SLOW_MS = 1000
const OPEN_AFTER_MS = 5000
const output = Number(process.env.REPORT_FD ?? 1)

function print(line: string): void {
  writeSync(output, `${line}\n`)
}

function depthOf(suite: Suite | undefined): number {
  return suite && !suite.root ? 1 + depthOf(suite.parent) : 0
}

/** The error without the frames of Node and of packages. */
function told(error: unknown): string {
  const text = error instanceof Error ? inspect(error, { colors: false }) : `thrown: ${inspect(error)}`
  const lines = text.split('\n').filter((line) => !/^\s+at .*(node:|node_modules)/.test(line))
  return lines.map((line) => `      ${line}`).join('\n')
}

/** Mocha makes one of these for a run and asks it for nothing: it listens. */
export class Reporter {
  #passed = 0
  #skipped = 0
  readonly #failures: string[] = []
  readonly #skips: string[] = []

  constructor(runner: Runner) {
    runner.on('suite', (suite) => {
      if (!suite.root) print(`${'  '.repeat(depthOf(suite) - 1)}${suite.title}`)
    })
    runner.on('pass', (test) => this.#pass(test.title, test))
    runner.on('fail', (test, error) => this.#fail(test, error))
    runner.on('pending', (test) => this.#skip(test))
    runner.once('end', () => this.#end())
  }

  #pass(title: string, test: Runnable): void {
    this.#passed++
    const slow = (test.duration ?? 0) > SLOW_MS ? ` (${test.duration} ms)` : ''
    print(`${'  '.repeat(depthOf(test.parent))}✔ ${title}${slow}`)
  }

  #fail(test: Runnable, error: unknown): void {
    print(`${'  '.repeat(depthOf(test.parent))}✖ ${test.title}`)
    this.#failures.push(`  ✖ ${test.fullTitle()}\n    ${test.file ?? ''}\n${told(error)}`)
  }

  #skip(test: Runnable): void {
    const reason = reasonOf(test)
    print(`${'  '.repeat(depthOf(test.parent))}- ${test.title}`)
    if (reason) {
      this.#skipped++
      this.#skips.push(`  - ${test.fullTitle()}: ${reason}`)
    } else {
      const how = 'was skipped without a reason; use skip(this, reason) of scripts/test/skip.ts'
      this.#failures.push(`  ✖ ${test.fullTitle()}\n    ${test.file ?? ''}\n      ${how}`)
    }
  }

  #end(): void {
    if (this.#skips.length) print(`\nSkipped:\n${this.#skips.join('\n')}`)
    if (this.#failures.length) print(`\nFailed:\n${this.#failures.join('\n\n')}`)
    const tally: Tally = { passed: this.#passed, failed: this.#failures.length, skipped: this.#skipped }
    process.send?.(tally)
    // Unreferenced: it fires only when something else keeps the process alive, and then it says what.
    setTimeout(() => print(`left open: ${process.getActiveResourcesInfo().join(', ')}`), OPEN_AFTER_MS).unref()
  }
}

// Mocha asks a reporter module for its default export.
export default Reporter
