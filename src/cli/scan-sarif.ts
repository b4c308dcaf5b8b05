/** Findings as SARIF 2.1.0 (OASIS), which code hosts and editors read. */

import { KINDS } from '../leaks/index.ts'
import type { Finding } from './scan-files.ts'

const RULES = Object.entries(KINDS).map(([kind, what]) => ({
  id: `mintmark-${kind}`,
  name: what,
  shortDescription: { text: `A ${what} of Mintmark` },
  fullDescription: { text: `A ${what} with a right checksum stands in this file. Whoever reads the file can use it.` },
  help: { text: 'Revoke or rotate it, then take it out of the file and of the history.' },
  defaultConfiguration: { level: 'error' },
  properties: { tags: ['security', 'secret'], 'security-severity': '9.0' },
}))

const ruleIndex = (kind: string): number => RULES.findIndex(({ id }) => id === `mintmark-${kind}`)

const uriOf = (path: string): string => path.split(/[/\\]/).map(encodeURIComponent).join('/')

/** The log of one run. */
export function sarifOf(findings: readonly Finding[]): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'mintmark', rules: RULES } },
        columnKind: 'utf16CodeUnits',
        results: findings.map(({ path, line, column, kind, what, text, fingerprint }) => ({
          ruleId: `mintmark-${kind}`,
          ruleIndex: ruleIndex(kind),
          level: 'error',
          message: { text: `A ${what} stands here: ${text}` },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(path), uriBaseId: '%SRCROOT%' },
                region: { startLine: line, startColumn: column },
              },
            },
          ],
          partialFingerprints: { 'mintmarkCredential/v1': fingerprint },
        })),
      },
    ],
  }
}
