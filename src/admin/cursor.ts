/** Cursors of pages: sealed, and bound to the caller and the query, so that nobody can read, change or lend one (threats.md, class 19). */

import { bound, TENANT } from '../base/index.ts'
import { type Seal, SealStale } from '../seal/index.ts'
import { refuse } from './problems.ts'

const SHAPE = /^([\w-]{1,64})\.([\w-]{1,1900})$/

/** Whom and what a cursor belongs to. */
export interface CursorPlace {
  readonly principal: string
  readonly route: string
  /** The query without cursor and limit. */
  readonly query: unknown
}

/** Makes and opens cursors. */
export function createCursors(seal: Seal) {
  const columns = ({ principal, route, query }: CursorPlace) =>
    bound({
      tenant: TENANT,
      kind: 'cursor',
      id: seal.hash('lookup', TENANT, 'cursor', JSON.stringify([principal, route, query])),
    })
  return {
    write(place: CursorPlace, after: string): string {
      const { dk, body } = seal.seal(columns(place), Buffer.from(after))
      return `${dk}.${body.toString('base64url')}`
    },
    /** Throws `bad_cursor` for one that was not made for this place. */
    async read(place: CursorPlace, cursor: string | undefined): Promise<string | undefined> {
      if (cursor === undefined) return undefined
      const [, dk, body] = SHAPE.exec(cursor) ?? []
      if (dk === undefined || body === undefined) throw refuse('bad_cursor')
      try {
        return (await seal.open({ ...columns(place), dk, body: Buffer.from(body, 'base64url') })).toString()
      } catch (cause) {
        if (cause instanceof SealStale) throw cause
        throw refuse('bad_cursor', {}, cause)
      }
    },
  }
}

export type Cursors = ReturnType<typeof createCursors>
