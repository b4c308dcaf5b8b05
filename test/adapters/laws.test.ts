/** The laws are worth something only if broken stores fail them: each flaw here is refuted by the law that speaks of it. */

import assert from 'node:assert/strict'
import { lawCollections, laws, probe } from '../../adapters/laws.ts'
import { Conflict, StoreUnusable } from '../../adapters/store.ts'
import type { Flaw } from './memory-desk.ts'
import { MemoryStore } from './memory-store.ts'

const REFUTED: Readonly<Record<Flaw, string>> = {
  'a decider reads, then writes': 'exactly one of 64 rivals wins a decider, round after round',
  'increments read, then write': 'increments of rivals add up when their condition goes on to hold',
  'a lost unit takes its burns back':
    'a unit whose decider is lost leaves its burns and nothing else that anyone can use',
  'a burn forgets its request': "a burn is its own request's on every run, and lost for any other",
  'burns overwrite': 'exactly one of 64 rivals burns an id',
  'updates create': 'an update never creates: on a missing document it is a conflict',
  'updates ignore rev': 'exactly one of many updates of one rev is applied',
  'inserts overwrite': 'an insert under a taken id is a conflict and leaves the other document alone',
  'inserts stay when the decider is lost':
    'a unit whose decider is lost leaves its burns and nothing else that anyone can use',
  'revocations go before the decider':
    'a unit whose decider is lost leaves its burns and nothing else that anyone can use',
  'revocations keep rev': 'a session saved after sign-out stays signed out',
  'revocations take the last time': 'a revocation is idempotent, keeps the first time, and never creates',
  'revocations create': 'a revocation is idempotent, keeps the first time, and never creates',
  'marks are tombstones': 'a mark is no tombstone: it stops who asks for a live document, and can be taken back',
  'revocations reach every tenant': 'a revocation by index reaches every document of it and no other',
  'a repeat is done again': 'a commit repeated with its commit id is one commit',
  'a repeat adds again': 'a repeated commit adds nothing even where its condition still holds',
  'find ignores the tenant': "find pages through a declared index: ascending, the tenant's own, and count agrees",
  'find takes any fields': 'what no declaration names is a TypeError',
  'find has no order': "find pages through a declared index: ascending, the tenant's own, and count agrees",
  'ranges go by id': 'a range gives what is inside, by its field and then by id, page after page',
  'ranges take nulls': 'what has no number is in no range, and is found by asking for null',
  'pages of a range skip what is equal':
    'pages of a range leave out nothing that stays and give nothing twice while others insert',
  'pages of a range repeat what is equal':
    'pages of a range leave out nothing that stays and give nothing twice while others insert',
  'counts ignore the range': 'a count of a range is what its pages give, and no more than was asked for',
  'ranges do not follow': 'a range follows its document through every write',
  'only the first scope counts': 'a document is found under each of its scopes, as they are now',
  'revocations take ranges':
    'a range or a scope that no declaration names, or that a revocation asks for, is a TypeError',
  'scans skip tombstones': 'a scan gives every document of a collection once, ascending, of any tenant and state',
  'scans have no order': 'a scan gives every document of a collection once, ascending, of any tenant and state',
  'scans keep to one tenant': 'a scan gives every document of a collection once, ascending, of any tenant and state',
  'scans ignore the page': 'a scan gives every document of a collection once, ascending, of any tenant and state',
  'scrubs take tombstones': 'a scrub loses nothing that is alive, no tombstone and no event, and says what may be left',
  'reads give references': 'every read is a fresh copy, and what was handed in is copied too',
  'events go before the commit': 'nobody sees an event of a unit that is not decided',
  'events need a document': 'a unit of any one class, or of none, delivers its events',
  'settled events return': 'settled events never come back',
  'sweeps ignore the limit': 'a sweep removes what is due, nothing else, and no more than its limit',
  'leases never run out': 'a lease is held by one, renewed by its holder, and taken over when it ran out',
  'leases are for all': 'a lease is held by one, renewed by its holder, and taken over when it ran out',
  'one poisoned unit fails its batch': 'a poisoned unit harms no other that commits at the same moment',
  'idempotency forgets': 'one caller does the work for a key; the others learn that, and then its result',
  'names are not checked': 'what no declaration names is a TypeError',
  'words are escaped': 'bytes, numbers and words of any shape come back as they were',
}

async function refutations(flaw?: Flaw): Promise<readonly string[]> {
  const names: string[] = []
  for (const { name, proof } of laws) {
    const store = new MemoryStore(lawCollections, flaw)
    const refuted = await proof({ open: async () => store, reopen: async () => store }).then(
      () => false,
      (cause: unknown) => {
        if (!flaw) throw cause
        return cause instanceof assert.AssertionError || cause instanceof Conflict
      },
    )
    if (refuted) names.push(name)
  }
  return names
}

function isFlaw(name: string): name is Flaw {
  return name in REFUTED
}

describe('the laws', () => {
  it('hold for a store that is right', async () => assert.deepEqual(await refutations(), []))

  it('have names of their own, and some of them probe', () => {
    assert.equal(new Set(laws.map((l) => l.name)).size, laws.length)
    assert.ok(laws.filter((l) => l.probe).length >= 5)
  })

  for (const flaw of Object.keys(REFUTED).filter(isFlaw)) {
    it(`refute a store in which ${flaw}`, async () => {
      const names = await refutations(flaw)
      assert.ok(names.includes(REFUTED[flaw]), `expected "${REFUTED[flaw]}" among: ${names.join('; ') || 'none'}`)
    })
  }
})

describe('the probe at start', () => {
  it('lets a store that is right pass and leaves nothing behind', async () => {
    const store = new MemoryStore(lawCollections)
    await probe(store)
    assert.equal((await store.pending(1000)).length, 0)
    assert.equal(store.size, 0)
  })

  it('refuses a store whose conditional updates are not atomic, and names the law', async () => {
    const store = new MemoryStore(lawCollections, 'a decider reads, then writes')
    await assert.rejects(
      probe(store),
      (cause: unknown) => cause instanceof StoreUnusable && cause.message.includes('exactly one of 16 rivals wins'),
    )
  })
})
