/** Types: `tsc --noEmit` over everything that tsconfig.json includes. */

import { type Check, count, type Finding } from './report.ts'
import { runTool } from './run.ts'

const LINE = /^(.+?)\((\d+),\d+\): error (TS\d+): (.*)$/gm

export const types: Check = {
  name: 'types',
  async run(root) {
    const { code, stdout, stderr } = await runTool('typescript/bin/tsc', {
      root,
      args: ['--noEmit', '--pretty', 'false', '--listFiles'],
    })
    const findings: Finding[] = [...stdout.matchAll(LINE)].map(([, path = '', line, rule = '', message = '']) => {
      return { path, line: Number(line), rule, message }
    })
    // A compiler that fails without a line of its own (bad tsconfig, crash) must not look like one that found nothing.
    if (code !== 0 && findings.length === 0) {
      const said = stdout.split('\n').find((line) => line.includes('error ')) ?? stderr
      findings.push({ path: 'tsconfig.json', rule: 'tsc', message: `exit ${code}: ${said.slice(0, 500)}` })
    }
    const own = stdout.split('\n').filter((line) => line.endsWith('.ts') && !line.includes('node_modules'))
    return { saw: count(own.length, 'file'), findings }
  },
}
