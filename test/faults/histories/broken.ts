/** Code broken on purpose: a copy of the sources with one change each, for the suite to find. */

import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

/** One break: which text of which file becomes what. */
export interface Broken {
  readonly name: string
  readonly changes: readonly { readonly file: string; readonly from: string; readonly to: string }[]
}

const FAMILY = 'src/oidc/family.ts'

/** The breaks. */
export const BROKEN: readonly Broken[] = [
  {
    name: 'a receipt written apart from the rotation',
    changes: [
      {
        file: 'src/oidc/commit.ts',
        from: '    await commit(writes)\n',
        to: `    const { receipt, receiptKey, ...fields } = writes.decider?.set.fields ?? {}
    if (writes.decider && receipt) {
      const { decider } = writes
      await commit({ ...writes, decider: { ...decider, set: { ...decider.set, fields } } })
      const apart = { collection: decider.collection, id: decider.id, if: { revokedAt: null }, set: { fields: { receipt, receiptKey: receiptKey ?? null } } } as const
      await commit({ ...writes, cid: writes.cid + '.r', burns: [], inserts: [], updates: [], revocations: [], cleanups: [], events: [], decider: apart })
    } else await commit(writes)\n`,
      },
    ],
  },
  {
    name: 'a revocation that does not write the family',
    changes: [
      {
        file: FAMILY,
        from: 'endOne(work.unit, { collection: artefacts.name, at: seconds(clock) }, work.family.id)',
        to: '',
      },
    ],
  },
  {
    name: 'a late insert that counts: an access token of a family that is over',
    changes: [
      {
        file: FAMILY,
        from: "return doc !== undefined && doc.revokedAt === null && doc.state !== 'quarantined'",
        to: 'return true',
      },
    ],
  },
  {
    name: 'a rotation that does not ask for the head',
    changes: [{ file: FAMILY, from: '    fields: { head: presented.head },\n  })', to: '  })' }],
  },
  {
    name: 'a late duplicate taken for a replay',
    changes: [{ file: 'src/rotation/rules.ts', from: "? 'late' : 'replay'", to: "? 'replay' : 'replay'" }],
  },
  {
    name: 'a refresh whose answer leaves before its commit',
    changes: [
      {
        file: 'src/oidc/commit.ts',
        from: '    await commit(writes)\n',
        to: "    if ('idleUntil' in (writes.decider?.set.fields ?? {})) void commit(writes).catch(() => {})\n    else await commit(writes)\n",
      },
    ],
  },
]

const COPIED = ['src', 'adapters', 'test/support', 'test/faults/histories', 'scripts/mongo', 'views', 'package.json']

/** Copies the sources into `folder` (inside the repository, so that packages are found) and breaks them there. */
export function breakCopy(root: string, folder: string, { changes, name }: Broken): string {
  const copy = mkdtempSync(join(folder, 'broken-'))
  for (const part of COPIED) cpSync(join(root, part), join(copy, part), { recursive: true })
  for (const { file, from, to } of changes) {
    const path = resolve(copy, file)
    const text = readFileSync(path, 'utf8')
    if (text.split(from).length !== 2) throw new Error(`${name}: ${file} does not have the text once that is broken`)
    writeFileSync(
      path,
      text.replace(from, () => to),
    )
  }
  return copy
}
