/** Requests as bytes, made before they are needed. Pure. */

import { CLIENT, SECRET } from '../sides/shared.ts'

const BASIC = `Basic ${Buffer.from(`${CLIENT}:${SECRET}`).toString('base64')}`

type Headers = Readonly<Record<string, string>>

const linesOf = (headers: Headers): string =>
  Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')

/** A GET. */
export function get(port: number, path: string, headers: Headers = {}): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: localhost:${port}\r\n${linesOf(headers)}\r\n`, 'latin1')
}

/** A POST of a form. */
export function post(port: number, path: string, form: Headers, headers: Headers = {}): Buffer {
  const body = new URLSearchParams(form).toString()
  const head = `POST ${path} HTTP/1.1\r\nhost: localhost:${port}\r\n${linesOf(headers)}content-type: application/x-www-form-urlencoded\r\ncontent-length: ${body.length}\r\n\r\n`
  return Buffer.from(head + body, 'latin1')
}

/** A POST of a form by the client of the bench. */
export const postAsClient = (port: number, path: string, form: Headers): Buffer =>
  post(port, path, form, { authorization: BASIC })
