/** Takes out of a report what an exception excuses, and finds exceptions that excuse nothing. Pure. */

import type { Exception } from './exceptions.ts'
import type { Finding, Report } from './report.ts'

/** What is left of a check's findings; an idle or unreasoned exception becomes a finding itself. */
export function excuse(name: string, report: Report, exceptions: readonly Exception[]): Report {
  const mine = exceptions.filter(({ check }) => check === name)
  const excuses = (one: Exception, finding: Finding) => one.rule === finding.rule && one.path === finding.path
  const left = report.findings.filter((finding) => !mine.some((one) => excuses(one, finding)))
  const idle = mine
    .filter((one) => !one.reason.trim() || !report.findings.some((finding) => excuses(one, finding)))
    .map(({ rule, path }): Finding => {
      const message = `the exception for ${rule} excuses nothing any more, or gives no reason: take it out`
      return { path, rule: 'exception', message }
    })
  return { saw: report.saw, findings: [...left, ...idle] }
}

/** Exceptions that name no check. */
export function strays(names: readonly string[], exceptions: readonly Exception[]): readonly Finding[] {
  return exceptions
    .filter(({ check }) => !names.includes(check))
    .map(({ check, path }) => ({ path, rule: 'exception', message: `names no check: ${check}` }))
}
