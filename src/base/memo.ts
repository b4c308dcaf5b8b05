/** What was made of a text of late is not made again. */

/** Remembers what `make` made of up to twice `keptMax` texts: two halves, of which the older is let go. `make` must be pure. */
export function createMemo(make: (text: string) => string, keptMax: number): (text: string) => string {
  let young = new Map<string, string>()
  let old = new Map<string, string>()
  return (text) => {
    const known = young.get(text)
    if (known !== undefined) return known
    const made = old.get(text) ?? make(text)
    if (young.size >= keptMax) {
      old = young
      young = new Map()
    }
    young.set(text, made)
    return made
  }
}
