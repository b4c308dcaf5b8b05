/** What `npm test -- WORDS` means to mocha. Pure. */

const all = 'test/**/*.test.ts'

/** Folders become patterns, files stand, options pass, any other words are searched in titles. */
export function selection(words: readonly string[]): readonly string[] {
  const options = words.filter((word) => word.startsWith('-'))
  const paths = words.filter((word) => !word.startsWith('-') && word.startsWith('test/'))
  const titles = words.filter((word) => !word.startsWith('-') && !word.startsWith('test/'))
  const files = paths.map((path) => (path.endsWith('.ts') ? path : `${path.replace(/\/$/, '')}/**/*.test.ts`))
  const grep = titles.length ? ['--fgrep', titles.join(' ')] : []
  return [...options, ...grep, ...(files.length ? files : [all])]
}
