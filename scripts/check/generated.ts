/** Generated files: each says today what its source says. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from '../generate/index.ts'
import { type Check, count, type Finding } from './report.ts'

export const generated: Check = {
  name: 'generated files',
  async run(root) {
    const files = await generate(root)
    const findings = files.flatMap(({ path, text }): Finding[] => {
      const stands = existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined
      return stands === text ? [] : [{ path, rule: 'stale', message: 'is out of date (npm run generate)' }]
    })
    return { saw: count(files.length, 'file'), findings }
  },
}
