/** Durations as people write them: '10s', '15m', '24h', '7d'. */

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** What `durationSeconds` reads. */
export const DURATION = /^\d{1,9}[smhd]?$/

/** The same with its unit, for what people type: to one a bare 30 means days, to another seconds. */
export const SPAN = /^(0|\d{1,9}[smhd])$/

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
] as const

/** A time in words, in the largest unit that it fills: '30 days', '1.5 hours', '1 minute'. */
export function inWords(seconds: number): string {
  const [unit, length] = UNITS.find(([, one]) => seconds >= one) ?? UNITS[3]
  const n = Math.round((seconds / length) * 10) / 10
  return `${n} ${unit}${n === 1 ? '' : 's'}`
}

/** '24h' in seconds; a number without a unit is seconds. Throws TypeError for anything else. */
export function durationSeconds(text: string): number {
  if (!DURATION.test(text)) throw new TypeError(`not a duration such as 10s, 15m, 24h or 7d: ${text}`)
  return Number.parseInt(text, 10) * (SECONDS[/[smhd]$/.exec(text)?.[0] ?? 's'] ?? 1)
}
