/** `npm run build`: dist/, the JavaScript that is published. Views are copied, so that paths from src to views hold in dist too. */

import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runTool } from './check/run.ts'

const root = join(import.meta.dirname, '..')
rmSync(join(root, 'dist'), { recursive: true, force: true })
const { code, stdout, stderr } = await runTool('typescript/bin/tsc', { root, args: ['-p', 'tsconfig.build.json'] })
process.stdout.write(stdout)
process.stderr.write(stderr)
cpSync(join(root, 'views'), join(root, 'dist/views'), { recursive: true })
process.exitCode = code ?? 1
