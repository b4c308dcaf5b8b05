/** `npm run check`: what can be checked in seconds without running the server. */

import { join } from 'node:path'
import { runChecks } from './check/index.ts'

const { passed, failed } = await runChecks(join(import.meta.dirname, '..'), console.log)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed ? 1 : 0
