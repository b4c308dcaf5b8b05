/** Path templates of a token, such as `/orders/{id}` and `/files/**`: pure matching. */

/** One segment that is not empty. */
const PLACE = /^\{[^}]+\}$/
const PLACE_NAME = /^\{[^{}*?#%\\\p{Cc}]+\}$/u

/**
 * What means another path to somebody downstream: who decodes once or twice (`%2e`, `%2f`, `%5c`, `%25`), cuts at NUL or other controls,
 * takes `\` for `/`, drops what follows `;` in a segment (`/files/..;/admin`), or reads overlong UTF-8 (`%c0%ae`).
 */
const ODD = /[\\\p{Cc}]|%(?![\da-f]{2})|%(?:[01][\da-f]|25|2[ef]|3b|5c|7f|c[01]|e0%[89]|f0%8)/iu
const UPWARDS = /^\.{1,2}(?:;|$)/

const isOdd = (part: string): boolean => UPWARDS.test(part) || ODD.test(part)

/**
 * Whether a path fits a template. Compared segment by segment as it was sent: nothing is decoded, letter case counts, a query is left
 * out. A path with anything odd in it fits no template.
 */
export function matchesPath(template: string, path: string): boolean {
  const [want, have] = [template.split('/'), (path.split('?')[0] ?? '').split('/')]
  if (have.some(isOdd)) return false
  for (const [n, part] of want.entries()) {
    if (part === '**') return have.length >= n
    const other = have[n]
    if (other === undefined) return false
    if (PLACE.test(part) ? other === '' : part !== other) return false
  }
  return want.length === have.length
}

/** Whether every path that fits one template fits another. Exact for two; that several together cover one is not seen. */
export function isPathInside(inner: string, outer: string): boolean {
  const [mine, theirs] = [inner.split('/'), outer.split('/')]
  for (const [n, part] of theirs.entries()) {
    if (part === '**') return mine.length >= n
    const other = mine[n]
    if (other === undefined || other === '**') return false
    if (PLACE.test(part) ? other === '' : part !== other) return false
  }
  return mine.length === theirs.length
}

/** Whether a text is a path template: plain segments, `{name}` for one, `**` at the end for the rest, and nothing that only looks like these. */
export function isTemplate(text: string): boolean {
  const [before, ...parts] = text.split('/')
  return (
    before === '' &&
    parts.length > 0 &&
    parts.every((part, n) =>
      part === '**' ? n === parts.length - 1 : PLACE_NAME.test(part) || !(/[*{}?#%]/.test(part) || isOdd(part)),
    )
  )
}
