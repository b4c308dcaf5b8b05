/**
 * `npm test`: provisions, checks, runs every test, and closes with `N passed, N failed` over all of it.
 * `npm test -- test/oidc` or `npm test -- words of a title` runs a part, without the checks.
 */

import { mkdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'
import { runChecks } from './check/index.ts'
import { runMocha } from './test/mocha.ts'
import { provideChromium, providePkcs11js, provideSoftHsm } from './test/provision.ts'
import { selection } from './test/selection.ts'

const root = join(import.meta.dirname, '..')
const output = join(root, 'test-output')
const words = process.argv.slice(2)

rmSync(output, { recursive: true, force: true })
mkdirSync(output, { recursive: true })

const told = { log: join(output, 'provision.log'), print: console.log }
const chromium = provideChromium(told)
const softHsm = providePkcs11js(root, told) && provideSoftHsm(told)
const checked = words.length ? { passed: 0, failed: 0 } : await runChecks(root, console.log)
if (!words.length) console.log('')

const log = join(output, 'suite.log')
const tested = await runMocha({
  root,
  args: selection(words),
  log,
  env: { TEST_OUTPUT: output, ...(chromium && { CHROMIUM: chromium }), ...(softHsm && { SOFTHSM2_MODULE: softHsm }) },
  print: (text) => process.stdout.write(text),
})

const failed = checked.failed + tested.failed
console.log(`\nWhat the tests printed: ${relative(root, log)}${tested.skipped ? `; ${tested.skipped} skipped` : ''}`)
console.log(`${checked.passed + tested.passed} passed, ${failed} failed`)
process.exitCode = failed ? 1 : 0
