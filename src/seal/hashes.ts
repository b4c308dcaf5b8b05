/**
 * Keyed hashes and the texts that name them. Two hash keys turn: what is looked up by an opaque token's text, and client secrets.
 * Both texts name their version, so the right key is known at once and there is one look-up, ever. The others turn only offline.
 */

import { hkdfSync, type KeyObject } from 'node:crypto'
import { createMemo, type KeyedHash, keyedHash, type Random } from '../base/index.ts'
import { credentialVersion, mintCredential, versionOfCredential } from './credential.ts'
import type { WrappedKeys } from './keys.ts'
import { currentOf, type Ring } from './ring.ts'
import { mintToken, readToken, type TokenKind, tokenVersion, versionOfToken } from './token.ts'

/**
 * Which key hashes: look-up ids, replay ids (a key that never turns while a `jti` lives), typed words, forms and subjects;
 * `name`: look-up ids of what opens nothing and is asked for again and again (clients, grants, accounts), whose hashes are kept;
 * `token`: what is looked up by an opaque token's text; `credential`: client secrets that the server made.
 */
export type HashPurpose = 'lookup' | 'name' | 'replay' | 'pointer' | 'secret' | 'token' | 'credential'

/** The two keys of one version of tokens. */
interface TokenKeys {
  readonly hash: KeyedHash
  readonly mac: KeyedHash
}

const FIRST = '1'
/** Hashes of names that are kept: those of a request are asked for several times in it, those of clients and grants again and again. */
const KEPT_MAX = 5000

function derived(key: KeyObject, what: string): KeyedHash {
  return keyedHash(Buffer.from(hkdfSync('sha256', key.export(), '', `mintmark token ${what}`, 32)))
}

const tokenKeysOf = (key: KeyObject): TokenKeys => ({ hash: derived(key, 'hash'), mac: derived(key, 'mac') })

/** The keys that turn only offline. */
async function standingKeys(keys: WrappedKeys) {
  const shared = async (purpose: 'lookup' | 'replay' | 'pointer' | 'secret' | 'mac') =>
    keyedHash((await keys.shared(purpose)).key.export())
  return {
    lookup: await shared('lookup'),
    replay: await shared('replay'),
    pointer: await shared('pointer'),
    secret: await shared('secret'),
    mac: await shared('mac'),
  }
}

/** Opens the hash keys. `unsure` throws when this node may have missed a version that others mint with. */
export async function createHashes(deps: {
  readonly keys: WrappedKeys
  readonly random: Random
  readonly unsure: () => void
}) {
  const { keys, random, unsure } = deps
  const plain = await standingKeys(keys)
  const first: TokenKeys = { hash: plain.lookup, mac: plain.mac }
  let tokens: ReadonlyMap<string, TokenKeys> = new Map([[FIRST, first]])
  let credentials: ReadonlyMap<string, KeyedHash> = new Map([[credentialVersion(1), plain.secret]])
  let mintsToken = FIRST
  let mintsCredential = credentialVersion(1)

  function keyOf(purpose: HashPurpose, text: string): KeyedHash {
    switch (purpose) {
      case 'token': {
        const found = tokens.get(versionOfToken(text) ?? FIRST)
        if (!found) throw new Error('a token names a version of the hash key that there is not')
        return found.hash
      }
      case 'credential':
        // A text of another shape, or of a version that there is not, is nobody's secret: any key says no.
        return credentials.get(versionOfCredential(text) ?? '') ?? plain.secret
      case 'name':
        return plain.lookup
      default:
        return plain[purpose]
    }
  }

  const named = createMemo(plain.lookup.text, KEPT_MAX)

  return {
    hash(purpose: HashPurpose, tenant: string, kind: string, text: string): string {
      const place = `${tenant}\0${kind}\0${text}`
      return purpose === 'name' ? named(place) : keyOf(purpose, text).text(place)
    },
    versionOf: (text: string): string => versionOfCredential(text) ?? versionOfToken(text) ?? FIRST,
    mint(kind: TokenKind, family?: string): string {
      // Registration access tokens have no end: they name the version that is for ever.
      const version = kind === 'rat' ? FIRST : mintsToken
      const key = tokens.get(version)?.mac
      if (!key) throw new Error('the current version of the hash key is not loaded')
      return mintToken({ version, key }, random, kind, family)
    },
    read(kind: TokenKind, text: string): { readonly family: string } | undefined {
      return readToken(
        (version) => {
          const found = tokens.get(version)?.mac
          if (!found) unsure()
          return found
        },
        kind,
        text,
      )
    },
    mintCredential: (kind: string, prefix?: string): string => mintCredential(random, kind, mintsCredential, prefix),
    /** Takes over what the ring says: loads what is read, forgets what is erased, mints with what is current. */
    async adopt(ring: Ring): Promise<void> {
      const read = new Map<string, TokenKeys>()
      for (const { n, state } of ring.token)
        if (state !== 'erased') read.set(tokenVersion(n), n === 1 ? first : tokenKeysOf(await keys.version('token', n)))
      const compared = new Map<string, KeyedHash>()
      for (const { n } of ring.credential)
        compared.set(
          credentialVersion(n),
          n === 1 ? plain.secret : keyedHash((await keys.version('credential', n)).export()),
        )
      tokens = read
      credentials = compared
      mintsToken = tokenVersion(currentOf(ring.token).n)
      mintsCredential = credentialVersion(currentOf(ring.credential).n)
    },
  }
}

export type Hashes = Awaited<ReturnType<typeof createHashes>>
