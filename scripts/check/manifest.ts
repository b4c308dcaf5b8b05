/** Manifest: exact versions only, and a lock file that names no registry, so that any mirror can serve it. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Check, count, type Finding } from './report.ts'

type Versions = Readonly<Record<string, string>>

interface Manifest {
  readonly dependencies?: Versions
  readonly optionalDependencies?: Versions
  readonly devDependencies?: Versions
}

export const manifest: Check = {
  name: 'manifest',
  async run(root) {
    const text = readFileSync(join(root, 'package.json'), 'utf8')
    const { dependencies, optionalDependencies, devDependencies } = JSON.parse(text) as Manifest
    const all = Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies })
    const findings: Finding[] = all
      .filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
      .map(([name, version]) => ({
        path: 'package.json',
        rule: 'pin',
        message: `${name}: ${version} is not an exact version`,
      }))
    const lock = join(root, 'package-lock.json')
    if (existsSync(lock) && /"resolved": "https?:/.test(readFileSync(lock, 'utf8'))) {
      findings.push({
        path: 'package-lock.json',
        rule: 'registry',
        message: 'names a registry (omit-lockfile-registry-resolved)',
      })
    }
    return { saw: count(all.length, 'dependency').replace('dependencys', 'dependencies'), findings }
  },
}
