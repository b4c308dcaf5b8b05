/** What verification answers for a token now, whatever the request: place, method, path and API are left aside. Facts in, verdict out. */

import type { ReadToken } from './above.ts'
import type { Rights } from './records.ts'
import { type Above, type Reason, verdict } from './rules.ts'

/** The rights with nothing in them that only a request can meet. */
const anywhere = (rights: Rights): Rights => ({
  ...rights,
  networks: { allow: [], except: [] },
  methods: [],
  paths: [],
  apis: [],
})

/** The reason. */
export function standingReason({ doc, record }: ReadToken, above: Above, now: number): Reason {
  const { parent, limits } = above
  const open: Above = {
    ...above,
    limits: { ...limits, networks: { allow: [], except: [] } },
    parent: parent && { ...parent, rights: anywhere(parent.rights) },
  }
  return verdict({ doc, rights: anywhere(record) }, open, {}, now)
}
