/**
 * The floors of `src`, as data: the import check reads them, and ARCHITECTURE.md's drawing is printed from them.
 * A new room is a line here. DESIGN puts `src/config` on floor 0; it uses `src/base`, so it stands one floor up.
 */

/** One floor. A room is a folder (ends with `/`) or a single file. */
export interface Floor {
  readonly rank: number
  readonly rooms: readonly string[]
  readonly what: string
}

export const floors: readonly Floor[] = [
  {
    rank: 9,
    rooms: ['src/main.ts', 'src/cli/', 'src/index.ts'],
    what: 'start and drain; one file a subcommand; what the package exports',
  },
  { rank: 8, rooms: ['src/app.ts'], what: 'the whole composition on one screen, in floor order' },
  {
    rank: 7,
    rooms: [
      'src/admin/',
      'src/selfservice/',
      'src/front-door.ts',
      'src/raw-door.ts',
      'src/background.ts',
      'src/live.ts',
      'src/sign-outs.ts',
    ],
    what: 'faces for people; the edge of every request; what runs beside them; the configuration that runs',
  },
  {
    rank: 6,
    rooms: [
      'src/inventory/',
      'src/audit/',
      'src/feed/',
      'src/webhooks/',
      'src/exporters/',
      'src/anomaly/',
      'src/scim/',
      'src/gateway/',
    ],
    what: 'followers and side doors; the core imports none',
  },
  {
    rank: 6,
    rooms: ['src/envelope.ts'],
    what: 'turning the keys at rest, and erasing accounts: what needs rooms of several floors',
  },
  {
    rank: 6,
    rooms: ['src/leaks/', 'src/handover/'],
    what: 'reports of leaked tokens, traps and the offline search; how a secret reaches its recipient',
  },
  { rank: 5, rooms: ['src/events.ts'], what: 'the union of the events of floors 1 to 4' },
  { rank: 4, rooms: ['src/oidc/'], what: 'the provider: configuration, models, interactions, commit, lanes' },
  {
    rank: 3,
    rooms: ['src/keys/', 'src/api-tokens/', 'src/clients/', 'src/accounts/'],
    what: 'holders of credentials',
  },
  { rank: 2, rooms: ['src/rotation/', 'src/revocation/', 'src/idempotency/'], what: 'what every holder needs' },
  {
    rank: 1,
    rooms: ['src/seal/', 'src/http/', 'src/telemetry/', 'src/config/'],
    what: 'sealing at rest; what every route shares; counters and logs; settings',
  },
  { rank: 0, rooms: ['src/base/'], what: 'clock, chance, secret, keyed hash, refusal, unit of work' },
]

/** The only importers of a concrete store. The interface, adapters/store.ts, is open to all. */
export const storeOpeners: readonly string[] = ['src/cli/']

/** Packages that stand behind one door, so that replacing or upgrading one touches one place. The first match counts. */
export const keepers: readonly { readonly package: string; readonly only: string }[] = [
  { package: 'oidc-provider/lib/', only: 'src/oidc/internals.ts' },
  { package: 'oidc-provider', only: 'src/oidc/' },
  { package: 'mongoose', only: 'adapters/mongo/' },
  { package: 'mongodb', only: 'adapters/mongo/' },
  { package: 'node:sqlite', only: 'adapters/sqlite/' },
]

/** Fewer imports than this means that the check has gone blind, not that the code is clean. Raise it as the code grows. */
export const importsMin = 150

/** Files that belong to a room although they stand beside it: `main.ts` is what the process starts, `cli` what it does. */
const besides: Readonly<Record<string, string>> = {
  'src/main.ts': 'src/cli/',
  'src/app-tokens.ts': 'src/app.ts',
  'src/app-leaks.ts': 'src/app.ts',
}

/** The room that a path belongs to, with its rank. */
export function roomOf(path: string): { readonly name: string; readonly rank: number } | undefined {
  const place = besides[path] ?? path
  for (const { rank, rooms } of floors) {
    const name = rooms.find((room) => place === room || (room.endsWith('/') && place.startsWith(room)))
    if (name) return { name, rank }
  }
  return undefined
}
