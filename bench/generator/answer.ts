/**
 * The part of HTTP/1.1 that the generator reads: a status, a head, and a body whose length the head gives. No chunks: no server
 * here sends them, and code that is never run should not be in what is measured. Pure.
 */

/** An answer. `body` lies in the connection's buffer: it is gone with the next read. */
export interface Answer {
  readonly status: number
  /** The whole head as it came, for whoever looks for a header in it. */
  readonly head: string
  readonly body: Buffer
}

const BLANK_LINE = Buffer.from('\r\n\r\n')
const LENGTH = /\r\ncontent-length: *(\d+)\r\n/i

function lengthOf(head: string, status: number): number {
  const length = LENGTH.exec(head)?.[1]
  if (length !== undefined) return Number(length)
  if (status === 204 || status === 304) return 0
  throw new Error(`an answer without a length: ${head.slice(0, 200)}`)
}

/** The answer that `bytes` begin with and how many bytes it takes; undefined while some of it is missing. Throws for one of unknown length. */
export function readAnswer(bytes: Buffer): { readonly answer: Answer; readonly size: number } | undefined {
  const end = bytes.indexOf(BLANK_LINE)
  if (end < 0) return undefined
  const head = bytes.toString('latin1', 0, end + 2)
  const status = Number(head.slice(9, 12))
  const from = end + BLANK_LINE.length
  const size = from + lengthOf(head, status)
  if (bytes.length < size) return undefined
  return { answer: { status, head, body: bytes.subarray(from, size) }, size }
}

/** The values of a header, in the order in which they came. `name` in lower case. */
export function headerOf({ head }: Pick<Answer, 'head'>, name: string): readonly string[] {
  return head
    .split('\r\n')
    .filter((line) => line.slice(0, name.length + 1).toLowerCase() === `${name}:`)
    .map((line) => line.slice(name.length + 1).trim())
}

/** A text member of a JSON object, without parsing the rest: tokens hold nothing that JSON escapes. Throws when it is not there. */
export function memberOf({ status, body }: Answer, name: string): string {
  const text = body.toString('latin1')
  const mark = `"${name}":"`
  const from = text.indexOf(mark) + mark.length
  if (status !== 200 || from < mark.length) throw new Error(`no ${name} in ${status} ${text.slice(0, 200)}`)
  return text.slice(from, text.indexOf('"', from))
}
