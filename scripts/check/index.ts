/** All checks, side by side, one line each. `npm run check` and `npm test` both come here. */

import { exceptions } from './exceptions.ts'
import { excuse, strays } from './excuse.ts'
import { generated } from './generated.ts'
import { imports } from './imports.ts'
import { lint } from './lint.ts'
import { manifest } from './manifest.ts'
import { mirror } from './mirror.ts'
import type { Check, Finding, Report } from './report.ts'
import { size } from './size.ts'
import { types } from './types.ts'

export const checks: readonly Check[] = [types, lint, imports, size, mirror, generated, manifest]

const SHOWN_MAX = 40

function inWords({ path, line, rule, message }: Finding): string {
  return `    ${path}${line === undefined ? '' : `:${line}`}  ${rule}: ${message}`
}

async function reportOf(check: Check, root: string): Promise<Report> {
  try {
    return excuse(check.name, await check.run(root), exceptions)
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { saw: 'nothing', findings: [{ path: 'scripts/check/', rule: 'crash', message }] }
  }
}

/** Runs every check on `root`, prints as it goes with `print`, and counts. */
export async function runChecks(
  root: string,
  print: (line: string) => void,
): Promise<{ readonly passed: number; readonly failed: number }> {
  const names = checks.map(({ name }) => name)
  const misnamed: Check = {
    name: 'exceptions',
    run: async () => ({ saw: `${exceptions.length} listed`, findings: strays(names, exceptions) }),
  }
  const all = [...checks, misnamed]
  const reports = await Promise.all(all.map(async (check) => ({ check, ...(await reportOf(check, root)) })))
  for (const { check, saw, findings } of reports) {
    print(`${findings.length ? '✖' : '✔'} ${check.name} (${saw})${findings.length ? `: ${findings.length}` : ''}`)
    for (const finding of findings.slice(0, SHOWN_MAX)) print(inWords(finding))
    if (findings.length > SHOWN_MAX) print(`    ... and ${findings.length - SHOWN_MAX} more`)
  }
  const failed = reports.filter(({ findings }) => findings.length > 0).length
  return { passed: reports.length - failed, failed }
}
