/** docs/storage.md, from the collections that the rooms declare. */

import type { Collection, Doc } from '../../adapters/store.ts'
import { cell } from './settings.ts'

/** What the page needs of a declaration. */
export type Declaration = Pick<Collection, 'name' | 'about' | 'fields' | 'indexes' | 'only' | 'expires'>

/** The columns of every document. Typed by the store's own words, so that a new column must be explained here. */
const envelope: Readonly<Record<keyof Omit<Doc, 'fields' | 'body'>, string>> = {
  id: 'keyed hash of what names the document, or a random id',
  tenant: 'the tenant; part of every index',
  kind: 'what the document is',
  v: 'schema version of the body',
  hk: 'version of the keyed hash that made the id',
  dk: 'id of the data key that sealed the body',
  family: 'the refresh token family',
  grant: 'the grant',
  account: 'the account',
  owner: 'who holds the credential: account, service or organisation',
  client: 'the client',
  session: 'the sign-in session',
  api: 'the API',
  scopes: 'keyed hashes of the scopes',
  iat: 'made at (Unix seconds)',
  exp: 'ends at (Unix seconds)',
  purgeAt: 'may be swept after (Unix seconds), later than exp',
  rev: 'counts the writes',
  cid: 'the commit that inserted it',
  state: "live, or the room's word for what it became",
  lastUse: 'last use (Unix seconds)',
  revokedAt: 'tombstone since (Unix seconds); set once',
}

function list(items: readonly string[]): string {
  return items.length ? items.join('<br>') : 'none'
}

function row({ name, about, fields, indexes, only = {}, expires }: Declaration): string {
  const clear = Object.entries(fields).map(([field, meaning]) => `\`${field}\`: ${cell(meaning)}`)
  const kinds = (index: readonly string[]): string => (only[index.join(' ')] ?? []).join(', ')
  const found = indexes.map(
    (index) => index.map((field) => `\`${field}\``).join(' + ') + (kinds(index) && ` (${kinds(index)} alone)`),
  )
  const life = expires ? 'swept after `purgeAt`' : 'kept'
  return `| \`${name}\` | ${cell(about)} | ${list(clear)} | ${list(found)} | ${life} |`
}

/** The page: what stands in clear in every document, and the collections. */
export function storagePage(collections: readonly Declaration[]): string {
  return `${[
    '# Storage',
    '<!-- Written by `npm run generate` from the collections that src/app.ts lists: change them there. -->',
    'Nothing in the store lets anyone in: ids that name a credential are keyed hashes, and bodies are sealed with' +
      ' AES-256-GCM under a data key that the master key wraps. In clear stand only the columns below.',
    '## In every document',
    [
      '| column | meaning |',
      '|---|---|',
      ...Object.entries(envelope).map(([column, meaning]) => `| \`${column}\` | ${meaning} |`),
      '| `body` | sealed; the columns that never change are bound to it, so that a moved or edited row does not open |',
    ].join('\n'),
    '## Collections',
    'Each entry under "found by" is an index, with the tenant before it and the id after it. Its last field may be asked for a range; a document without a value in its first field is not in it, and neither is one of another kind than is said; under' +
      ' `scopes` a document is found by each of its scopes; `fields.` names a column of "more in clear".',
    [
      '| collection | what it keeps | more in clear | found by | life |',
      '|---|---|---|---|---|',
      ...collections.map(row),
    ].join('\n'),
  ].join('\n\n')}\n`
}
