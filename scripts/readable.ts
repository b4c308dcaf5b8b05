/** Turns the server's JSON log lines on standard input into lines for people; anything else passes as it is. For `npm run dev`. */

import { createInterface } from 'node:readline'

const LEVELS: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'WARN',
  50: 'ERROR',
  60: 'FATAL',
}

/** One log line for people: time, level, message, then what else it carries. */
export function readable(line: string): string {
  let entry: unknown
  try {
    entry = JSON.parse(line)
  } catch {
    return line
  }
  if (typeof entry !== 'object' || entry === null || !('level' in entry)) return line
  const { level, time, msg, ...rest } = entry as Readonly<Record<string, unknown>>
  const clock = typeof time === 'string' ? time.slice(11, 23) : ''
  const more = Object.entries(rest).map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  )
  return [clock, (LEVELS[Number(level)] ?? String(level)).padEnd(5), String(msg ?? ''), ...more].join(' ').trimEnd()
}

if (import.meta.main) {
  // Ctrl-C goes to the whole pipeline: the server drains and this must outlive it, or the last lines are lost.
  process.on('SIGINT', () => {})
  for await (const line of createInterface({ input: process.stdin })) console.log(readable(line))
}
