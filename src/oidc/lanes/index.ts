/**
 * Lanes: the plain case of the busiest endpoints, without Koa and without the library, and equal to them in every answer, event and
 * write. A lane takes a request only when it uses nothing beyond what the lane knows; all else, every refusal among it, is the
 * library's (DESIGN rule 7). They belong to one generation, as routes do.
 */

import type { IncomingHttpHeaders } from 'node:http'
import type { ProviderKey } from '../../keys/index.ts'
import { OpenedOnce } from '../../seal/index.ts'
import { seenFrom } from '../routes.ts'
import { type CallerDeps, createCallers } from './callers.ts'
import { type ClientCredentialsDeps, createClientCredentials } from './client-credentials.ts'
import { createIntrospectionLane, type IntrospectionLaneDeps } from './introspection.ts'
import { createJwtSigner } from './jwt.ts'
import { createLiveJwt, createLivePayload, type LiveJwtDeps, type LiveTokenDeps } from './live-token.ts'
import { createRefreshLane, type RefreshLaneDeps } from './refresh.ts'
import { isPlainForm, isPlainHead, type Lane, type LaneAnswer, type LaneRequest } from './request.ts'
import { createTokenLane, type TokenLaneDeps } from './token.ts'
import { createUserinfoLane } from './userinfo.ts'

export { LANE_BODY_MAX, type LaneAnswer, type LaneRequest } from './request.ts'

/** What the lanes are made from. */
export type LaneDeps = Omit<ClientCredentialsDeps, 'signer' | 'clients'> &
  Omit<RefreshLaneDeps, 'signer' | 'opened' | 'clients'> &
  Omit<IntrospectionLaneDeps, 'livePayload' | 'liveJwt' | 'callers' | 'clients'> &
  Omit<LiveTokenDeps, 'opened' | 'families'> &
  Omit<LiveJwtDeps, 'opened'> &
  Pick<TokenLaneDeps, 'finish'> &
  Pick<CallerDeps, 'library'> & {
    readonly clients: ClientCredentialsDeps['clients'] & CallerDeps['clients']
    readonly keys: readonly ProviderKey[]
    /** A header that only mutual TLS has a use for: whoever sends it is not plain. */
    readonly certificateHeader: string | undefined
    /** Header with the caller's country, where a trusted proxy sets it. */
    readonly countryHeader: string | undefined
  }

/** Tokens and Grants that are kept open, a few kilobytes each. */
const OPENED_MAX = 4000

/** Makes the lanes of a generation: by the path that a request names to the letter. */
export function createLanes(deps: LaneDeps) {
  const signer = createJwtSigner(deps.keys)
  const opened = new OpenedOnce({ entriesMax: OPENED_MAX, open: deps.records.open })
  const callers = createCallers(deps)
  const livePayload = createLivePayload({ ...deps, opened })
  const clientCredentials = createClientCredentials({ ...deps, signer })
  const refresh = createRefreshLane({ ...deps, signer, opened })
  const posts: Readonly<Record<string, Lane>> = {
    '/token': createTokenLane({ ...deps, callers, clientCredentials, refresh }),
    '/token/introspection': createIntrospectionLane({
      ...deps,
      callers,
      livePayload,
      liveJwt: createLiveJwt({ ...deps, opened }),
    }),
  }
  const userinfo = createUserinfoLane({ ...deps, callers, livePayload })
  const isBare = ({ headers }: Pick<LaneRequest, 'headers'>): boolean =>
    isPlainHead(headers) && (deps.certificateHeader === undefined || headers[deps.certificateHeader] === undefined)

  return {
    /** Where a request comes from. */
    seen: (headers: IncomingHttpHeaders, address: string): LaneRequest['seen'] =>
      seenFrom(headers, address, deps.countryHeader),
    /** Whether there is a lane for a POST to this path at all: then its body may be read before anyone else sees the request. */
    takes: (path: string): boolean => Object.hasOwn(posts, path),
    /** The answer to a POST; undefined where the library must give it, and then nothing has been done. */
    async post(path: string, request: LaneRequest): Promise<LaneAnswer | undefined> {
      const lane = posts[path]
      return lane && isPlainForm(request.headers) && isBare(request) ? lane(request) : undefined
    },
    /** The answer to `GET /me`; undefined where the library must give it. */
    userinfo: async (request: Pick<LaneRequest, 'headers' | 'requestId'>): Promise<LaneAnswer | undefined> =>
      isBare(request) ? userinfo(request.headers, request.requestId) : undefined,
  }
}

export type Lanes = ReturnType<typeof createLanes>
