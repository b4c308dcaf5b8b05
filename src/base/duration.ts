/** Durations as people write them: '10s', '15m', '24h', '7d'. */

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }

/** What `durationSeconds` reads. */
export const DURATION = /^\d{1,9}[smhd]?$/

/** '24h' in seconds; a number without a unit is seconds. Throws TypeError for anything else. */
export function durationSeconds(text: string): number {
  if (!DURATION.test(text)) throw new TypeError(`not a duration such as 10s, 15m, 24h or 7d: ${text}`)
  return Number.parseInt(text, 10) * (SECONDS[/[smhd]$/.exec(text)?.[0] ?? 's'] ?? 1)
}
