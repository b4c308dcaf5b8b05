/** Finds the known word that was probably meant. */

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, substitution))
    }
    row = next
  }
  return row[b.length] ?? 0
}

/** The known word with the smallest edit distance, letter case aside; undefined when none is near: more than a third of the word is different. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const cut = word.slice(0, 64).toLowerCase()
  const ranked = known.map((k) => ({ k, d: distance(cut, k.toLowerCase()) })).sort((x, y) => x.d - y.d)
  const best = ranked[0]
  return best && best.d <= Math.ceil(Math.max(cut.length, best.k.length) / 3) ? best.k : undefined
}
