/** Size: a file stays within 300 lines. Functions (60) are measured by Biome's noExcessiveLinesPerFunction. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, codeFolders, count, filesUnder } from './report.ts'

const LINES_MAX = 300

export const size: Check = {
  name: 'size',
  async run(root) {
    const files = filesUnder(root, codeFolders, (path) => /\.(ts|js|css|eta|java|sh)$/.test(path))
    const findings = files.flatMap((path) => {
      const lines = readFileSync(join(root, path), 'utf8').replace(/\n$/, '').split('\n').length
      return lines > LINES_MAX ? [{ path, rule: 'lines', message: `${lines} lines; at most ${LINES_MAX}` }] : []
    })
    return { saw: count(files.length, 'file'), findings }
  },
}
