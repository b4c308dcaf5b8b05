/** The tables of docs/performance.md: each stands between its own marks, and the prose around them is nobody's but its writers'. Pure. */

/** The parts that the bench writes. */
export type Part = 'works' | 'mongodb' | 'memory' | 'grow' | 'workers'

/** Puts a part's text between its marks. Throws when the page has no such marks. */
export function withPart(page: string, part: Part, text: string): string {
  const [begin, end] = [`<!-- bench: ${part} -->`, `<!-- end: ${part} -->`]
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/performance.md has no place for ${part}: ${begin} ... ${end}`)
  return `${page.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${page.slice(to)}`
}
