/** Lint and format: Biome with biome.json. Its rules ban `any`, `!`, `enum`, default exports, floating promises and long functions. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, count, type Finding } from './report.ts'
import { runTool } from './run.ts'

interface Diagnostic {
  readonly severity: string
  readonly message: string
  readonly category: string
  readonly location?: { readonly path: string; readonly start?: { readonly line: number } }
}

interface Output {
  readonly summary: { readonly changed: number; readonly unchanged: number }
  readonly diagnostics: readonly Diagnostic[]
}

/** A `describe` holds tests as a file holds functions; only what is inside it is held to the length of a function. */
function isSuite(root: string, { path, line, rule }: Finding): boolean {
  if (rule !== 'noExcessiveLinesPerFunction' || !path.startsWith('test/') || line === undefined) return false
  const text = readFileSync(join(root, path), 'utf8').split('\n')[line - 1] ?? ''
  return /^\s*(describe|context|for|laws)\b/.test(text)
}

export const lint: Check = {
  name: 'lint and format',
  async run(root) {
    const args = ['check', '--reporter=json', '--max-diagnostics=none', '--no-errors-on-unmatched']
    const { code, stdout, stderr } = await runTool('@biomejs/biome/bin/biome', { root, args })
    if (!stdout.startsWith('{')) {
      return { saw: 'nothing', findings: [{ path: 'biome.json', rule: 'biome', message: `exit ${code}: ${stderr}` }] }
    }
    const output = JSON.parse(stdout) as Output
    const findings = output.diagnostics
      .filter(({ severity }) => severity !== 'information')
      .map(({ message, category, location }): Finding => {
        const rule = category.split('/').at(-1) ?? category
        const text = rule === 'format' ? 'is not formatted (npm run format)' : message
        const line = location?.start?.line ?? 0
        return { path: location?.path ?? 'biome.json', ...(line > 0 && { line }), rule, message: text }
      })
      .filter((finding) => !isSuite(root, finding))
    return { saw: count(output.summary.unchanged + output.summary.changed, 'file'), findings }
  },
}
