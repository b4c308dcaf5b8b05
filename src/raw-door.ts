/**
 * The raw door: node:http itself, ahead of Koa. What is the same for everyone leaves as prepared bytes; what a lane knows leaves as its
 * answer; all else goes on to the front door, with its body if it was read here.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { type Clock, type Random, randomText } from './base/index.ts'
import {
  ANY_ORIGIN,
  callerAddress,
  keepEarly,
  type Prepared,
  prepared,
  type Shelf,
  securityHeaderList,
} from './http/index.ts'
import type { Keyring } from './keys/index.ts'
import { LANE_BODY_MAX, type LaneAnswer, type Oidc, PUBLISHED } from './oidc/index.ts'
import type { Seal } from './seal/index.ts'
import type { Logger } from './telemetry/index.ts'

/** What stands behind the door. */
export interface RawDoorDeps {
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly proxies: number
  readonly oidc: Pick<Oidc, 'lanes'>
  readonly keyring: Pick<Keyring, 'jwks'>
  readonly seal: Pick<Seal, 'fresh'>
  readonly shelf: Shelf
  /** The front door. */
  readonly next: RequestListener
}

/** Headers by which a caller asks for less than the whole, or for it under conditions. */
const CONDITIONS = ['origin', 'if-none-match', 'if-modified-since', 'cache-control', 'range'] as const

const JSON_TYPE = ['Content-Type', 'application/json; charset=utf-8'] as const

/** A request that has come in. */
interface At {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly requestId: string
  readonly start: number
}

/** Hands the body over when all of it is there; says nothing of a request that breaks off, since nobody is left to hear. */
function collect(req: IncomingMessage, then: (body: Buffer) => void): void {
  let first: Buffer | undefined
  let more: Buffer[] | undefined
  req.on('data', (chunk: Buffer) => {
    if (first === undefined) first = chunk
    else if (more) more.push(chunk)
    else more = [first, chunk]
  })
  req.on('end', () => then(more ? Buffer.concat(more) : (first ?? Buffer.alloc(0))))
}

/** The published answers: discovery as the front door has laid it ready, the keys as the ring has them. */
function createPublished({ keyring, oidc, shelf }: RawDoorDeps): (path: string) => Prepared | undefined {
  return (path) => {
    if (path !== '/jwks') return shelf.get(path, oidc.lanes())
    const { body, etag, cacheControl } = keyring.jwks()
    const of = `${etag} ${cacheControl}`
    const known = shelf.get(path, of)
    if (known) return known
    const made = prepared({ body, etag, cacheControl, type: 'application/jwk-set+json' }, ANY_ORIGIN)
    shelf.put(path, of, made)
    return made
  }
}

/**
 * Sends what is ready in one turn of the event loop at its end, one after the other. Each send may wake somebody who sleeps, and a wake-up costs
 * more than making the answer: whoever is awake from the answer before takes the next for nothing. (Measured at 32 connections: 100 us a
 * request become 78; where there is one request, nothing changes.)
 */
function createTurn(): (send: () => void) => void {
  let ready: (() => void)[] = []
  function flush(): void {
    const sends = ready
    ready = []
    for (const send of sends) send()
  }
  return (send) => {
    if (ready.length === 0) setImmediate(flush)
    ready.push(send)
  }
}

/** What ends every answer of this door. */
function createSender({ clock, random, logger, seal }: RawDoorDeps) {
  const fixed = securityHeaderList()

  const together = createTurn()

  function send(at: At, headers: readonly string[], body: string | Buffer): void {
    const { req, res, requestId, start } = at
    together(() => {
      res.writeHead(200, ['X-Request-Id', requestId, ...fixed, ...headers])
      res.end(body)
    })
    const ms = clock.now() - start
    logger.info({ request: requestId, method: req.method, path: req.url, status: 200, ms }, 'request')
  }

  return {
    send,
    at: (req: IncomingMessage, res: ServerResponse): At => {
      return { req, res, requestId: randomText(random, 9), start: clock.now() }
    },
    /** Sends what a lane answers, else hands the request on. */
    async answer(at: At, ask: () => Promise<LaneAnswer | undefined>, next: () => void): Promise<void> {
      let given: LaneAnswer | undefined
      try {
        // Before anything is decided: what can't be sealed any more must not be half done.
        await seal.fresh()
        given = await ask()
      } catch (cause) {
        // Nothing was done, or a rival was first: the front door says what is to be said, as it would have without a lane.
        logger.debug({ err: cause, request: at.requestId }, 'a lane gave up')
      }
      if (!given) return next()
      const { body, headers } = given
      send(at, [...headers, ...JSON_TYPE, 'Content-Length', String(Buffer.byteLength(body))], body)
    },
  }
}

/** Makes the handler of every request. */
export function rawDoor(deps: RawDoorDeps): RequestListener {
  const { oidc, proxies, next } = deps
  const published = createPublished(deps)
  const sender = createSender(deps)
  const broke = (cause: unknown): void => deps.logger.error({ err: cause }, 'the raw door failed')

  function post(req: IncomingMessage, res: ServerResponse, path: string): void {
    collect(req, (body) => {
      const at = sender.at(req, res)
      const lanes = oidc.lanes()
      const { requestId } = at
      const seen = lanes.seen(req.headers, callerAddress(req, proxies))
      const ask = () => lanes.post(path, { headers: req.headers, body, requestId, seen })
      const onward = (): void => {
        keepEarly(req, { body, requestId })
        next(req, res)
      }
      sender.answer(at, ask, onward).catch(broke)
    })
  }

  function userinfo(req: IncomingMessage, res: ServerResponse): void {
    const at = sender.at(req, res)
    const ask = () => oidc.lanes().userinfo({ headers: req.headers, requestId: at.requestId })
    sender.answer(at, ask, () => next(req, res)).catch(broke)
  }

  /** Sends what is laid ready; false where nothing is, or where a caller asks under conditions. */
  function publish(req: IncomingMessage, res: ServerResponse, path: string): boolean {
    if (!PUBLISHED.includes(path) || CONDITIONS.some((name) => req.headers[name] !== undefined)) return false
    const answer = published(path)
    if (answer) sender.send(sender.at(req, res), answer.headers, answer.body)
    return answer !== undefined
  }

  return (req, res) => {
    const { method, url = '', headers } = req
    const isShort = Number(headers['content-length'] ?? Number.NaN) <= LANE_BODY_MAX
    if (method === 'POST' && isShort && oidc.lanes().takes(url)) return post(req, res, url)
    if (method === 'GET' && url === '/me') return userinfo(req, res)
    if (method === 'GET' && publish(req, res, url)) return
    next(req, res)
  }
}
