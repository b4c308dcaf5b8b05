/**
 * The one client for requests that the server itself sends: client keys, sector identifiers, logout calls.
 * It resolves names itself and connects only to what it resolved and checked (no rebinding), follows no redirect,
 * and bounds time and size. threats.md, class 12.
 */

import { lookup as systemLookup } from 'node:dns'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { reachable } from './network.ts'

/** Why a request was not sent or its answer not taken. For the log; callers show their own words. */
export class OutboundRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'OutboundRefused'
  }
}

/** What a caller may send. */
export interface OutboundRequest {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

/** Sends one request. Resolves to any status below 300 or above; redirects are answers like others. */
export type Outbound = (url: string | URL, request: OutboundRequest) => Promise<Response>

function checkedLookup(may: (address: string) => boolean): LookupFunction {
  return (hostname, options, callback) => {
    systemLookup(hostname, { all: true, verbatim: true }, (error, addresses) => {
      if (error) return callback(error, '', 0)
      const good = addresses.filter(({ address }) => may(address))
      const first = good[0]
      if (!first || good.length !== addresses.length)
        return callback(new OutboundRefused('the name leads to an address that may not be reached'), '', 0)
      if (options.all) callback(null, good)
      else callback(null, first.address, first.family)
    })
  }
}

/** Makes the client. Times in milliseconds, sizes in bytes. Throws TypeError for a bad network in `allow`. */
export function createOutbound(input: {
  readonly allow: readonly string[]
  readonly timeoutMs: number
  readonly bytesMax: number
}): Outbound {
  const may = reachable(input.allow)
  const lookup = checkedLookup(may)

  return (target, request) =>
    new Promise((resolve, reject) => {
      const url = URL.parse(String(target))
      if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password)
        return reject(new OutboundRefused('not an http(s) address without user'))
      const host = url.hostname.replace(/^\[|\]$/g, '')
      if (isIP(host) !== 0 && !may(host)) return reject(new OutboundRefused('the address may not be reached'))
      const signal = AbortSignal.timeout(input.timeoutMs)
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest
      const body = request.body === undefined ? undefined : Buffer.from(request.body)
      const headers = {
        ...request.headers,
        ...(body ? { 'content-length': String(body.length) } : {}),
        'accept-encoding': 'identity',
      }
      const sent = send(url, { method: request.method, headers, lookup, signal, agent: false }, (answer) => {
        const chunks: Buffer[] = []
        let size = 0
        answer.on('data', (chunk: Buffer) => {
          size += chunk.length
          chunks.push(chunk)
          if (size > input.bytesMax)
            answer.destroy(new OutboundRefused(`the answer is larger than ${input.bytesMax} bytes`))
        })
        answer.on('error', reject)
        answer.on('end', () => {
          const status = answer.statusCode ?? 502
          const plain = Object.entries(answer.headers).filter(
            (pair): pair is [string, string] => typeof pair[1] === 'string',
          )
          const empty = status === 204 || status === 205 || status === 304
          resolve(new Response(empty ? null : Buffer.concat(chunks), { status, headers: plain }))
        })
      })
      sent.on('error', (cause) =>
        reject(cause instanceof OutboundRefused ? cause : new OutboundRefused('the request failed', { cause })),
      )
      sent.end(body)
    })
}
