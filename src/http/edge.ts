/**
 * What happens at the edge before anything else looks at a request: its id, the caller's network, its body within the
 * limit, and the one origin that every URL is made from, whatever Host and X-Forwarded-* say (threats.md, class 15).
 */

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

/** RFC 9112 sets no limit; this one is the library's own. */
export const BODY_BYTES_MAX = 56 * 1024

/** The body is larger than the limit, or did not arrive. */
export class BadBody extends Error {
  readonly status: 400 | 413
  constructor(status: 400 | 413, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BadBody'
    this.status = status
  }
}

/** What was had of a request before its handler came by. */
interface Early {
  readonly body: Buffer
  readonly requestId: string
}

const taken = new WeakMap<IncomingMessage, Early>()

/** Says that a request's body was read already, and what the request is called: `readBody` and `earlyId` give it on. */
export function keepEarly(req: IncomingMessage, early: Early): void {
  taken.set(req, early)
}

/** The id that a request has already. */
export const earlyId = (req: IncomingMessage): string | undefined => taken.get(req)?.requestId

/** Reads a request's body once. Throws `BadBody`; past the limit the rest is not read. */
export async function readBody(req: IncomingMessage, bytesMax = BODY_BYTES_MAX): Promise<Buffer> {
  const early = taken.get(req)?.body
  if (early && early.length <= bytesMax) return early
  const length = req.headers['content-length']
  if (length !== undefined && Number(length) > bytesMax) throw new BadBody(413, 'request entity too large')
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of req.iterator({ destroyOnReturn: false })) {
      const bytes = Buffer.from(chunk)
      size += bytes.length
      if (size > bytesMax) throw new BadBody(413, 'request entity too large')
      chunks.push(bytes)
    }
  } catch (cause) {
    if (cause instanceof BadBody) throw cause
    throw new BadBody(400, 'the request body did not arrive', { cause })
  }
  return Buffer.concat(chunks)
}

/**
 * The caller's address. `proxies` in front are believed: the address is the one that the outermost of them wrote,
 * counted from the right, so that what a caller writes himself is never taken.
 */
export function callerAddress(req: IncomingMessage, proxies: number): string {
  const direct = (req.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
  if (proxies === 0) return direct
  const forwarded = String(req.headers['x-forwarded-for'] ?? '')
    .split(',')
    .map((part) => part.trim())
  const claimed = forwarded.at(-proxies) ?? ''
  return isIP(claimed) !== 0 ? claimed : direct
}

/** The network of an address, for throttles and records: /24 of IPv4, /56 of IPv6. */
export function networkOf(address: string): string {
  if (isIP(address) === 4) return `${address.split('.').slice(0, 3).join('.')}.0/24`
  if (isIP(address) !== 6) return 'unknown'
  const [head = '', tail] = address.toLowerCase().split('%')[0]?.split('::') ?? []
  const front = head.split(':').filter(Boolean)
  const back = tail === undefined ? [] : tail.split(':').filter(Boolean)
  const groups =
    tail === undefined ? front : [...front, ...Array(Math.max(0, 8 - front.length - back.length)).fill('0'), ...back]
  const bits = groups.slice(0, 4).map((group) => Number.parseInt(group, 16) || 0)
  return `${[bits[0], bits[1], bits[2], (bits[3] ?? 0) & 0xff00].map((n) => (n ?? 0).toString(16)).join(':')}::/56`
}

/** The path and query of a request's first line, which may name an origin too (RFC 9112, 3.2.2): ours alone counts. */
function originForm(url = '/'): string {
  const [, rest] = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*(.*)$/is.exec(url) ?? []
  if (rest === undefined) return url
  return rest.startsWith('/') ? rest : `/${rest}`
}

/**
 * A view of a request that the library may read as often as it is run: the body from memory, and headers that name the
 * issuer's own origin. The real request stays untouched below it.
 */
export function requestView(
  req: IncomingMessage,
  input: { readonly body: Buffer; readonly origin: URL; readonly address: string },
): IncomingMessage {
  const headers: IncomingHttpHeaders = {}
  for (const name in req.headers)
    if (name !== 'forwarded' && !name.startsWith('x-forwarded-')) headers[name] = req.headers[name]
  headers.host = input.origin.host
  headers['x-forwarded-proto'] = input.origin.protocol.slice(0, -1)
  headers['x-forwarded-for'] = input.address
  const view: IncomingMessage = Object.create(req, {
    headers: { value: headers, enumerable: true },
    url: { value: originForm(req.url), enumerable: true, writable: true },
    readable: { value: true },
    readableEncoding: { value: null },
    iterator: {
      value: async function* () {
        yield input.body
      },
    },
  })
  return view
}
