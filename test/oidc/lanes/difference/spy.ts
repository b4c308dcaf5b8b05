/** Watches which requests a server's lanes take, and can make its lanes wrong in one way, to see that the suite finds that. */

import type { App } from '../../../../src/app.ts'
import type { LaneAnswer, LaneRequest, Lanes } from '../../../../src/oidc/index.ts'

/** A way to be wrong. */
export interface Bent {
  /** Changes what a lane is asked. */
  readonly request?: (request: LaneRequest) => LaneRequest
  /** Changes what a lane answers. */
  readonly answer?: (answer: LaneAnswer) => LaneAnswer
}

/** What it sees. */
export interface LaneSpy {
  /** Answers that lanes gave. */
  taken: number
  /** Requests that went to the library's routes. */
  routed: number
  /** Whether a lane is at work now. */
  busy: boolean
  bent: Bent
}

function watched(inner: Lanes, spy: LaneSpy): Lanes {
  async function seen(ask: () => Promise<LaneAnswer | undefined>): Promise<LaneAnswer | undefined> {
    spy.busy = true
    try {
      const given = await ask()
      if (!given) return undefined
      spy.taken++
      return spy.bent.answer?.(given) ?? given
    } finally {
      spy.busy = false
    }
  }
  const asked = (request: LaneRequest): LaneRequest => spy.bent.request?.(request) ?? request
  return {
    ...inner,
    post: (path, request) => seen(() => inner.post(path, asked(request))),
    userinfo: (request) => seen(() => inner.userinfo(request)),
  }
}

/** Puts the watch on a server that was just made. */
export function spyOn(app: App): LaneSpy {
  const spy: LaneSpy = { taken: 0, routed: 0, busy: false, bent: {} }
  const { oidc } = app
  const [lanes, routes] = [oidc.lanes, oidc.routes]
  const made = new WeakMap<Lanes, Lanes>()
  oidc.lanes = () => {
    const inner = lanes()
    const known = made.get(inner) ?? watched(inner, spy)
    made.set(inner, known)
    return known
  }
  oidc.routes = (ctx, edge) => {
    spy.routed++
    return routes(ctx, edge)
  }
  return spy
}
