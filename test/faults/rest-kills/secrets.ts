/** The secret that an answer hands over, in whichever of the three ways, and what introspection says of it. */

import { compactDecrypt } from 'jose'
import { proofOf, unwrapText } from '../../../src/handover/index.ts'
import { recipient } from './cases.ts'
import type { Answered, Lives } from './process.ts'

type Asks = Pick<Lives, 'ask'>

async function unwrapped({ ask }: Asks, address: URL): Promise<string | undefined> {
  const [id, key] = [address.pathname.split('/').at(-1) ?? '', address.hash.slice(1)]
  const body = { proof: proofOf(key, id), attempt: 'A'.repeat(22) }
  const opened = await ask({ method: 'POST', path: address.pathname, body })
  return opened?.status === 200 ? unwrapText(key, id, String(opened.body.ciphertext)) : undefined
}

/** The text of the token that an answer hands over; undefined where it hands over none, or none that can be opened. */
export async function secretOf(asks: Asks, { body, text }: Answered): Promise<string | undefined> {
  if (typeof body.token === 'string') return body.token
  if (typeof body.sealed === 'string')
    return Buffer.from((await compactDecrypt(body.sealed, recipient.privateKey)).plaintext).toString()
  const address = /"address":"([^"]+)"/.exec(text)?.[1]
  return address === undefined ? undefined : unwrapped(asks, new URL(address))
}

/** The id of the token that a text is, where it is a live one. `basic`: who asks. */
export async function introspected({ ask }: Asks, text: string, basic: string): Promise<unknown> {
  const seen = await ask({ method: 'POST', path: '/token/introspection', form: { token: text }, basic })
  return seen?.body.active === true ? seen.body.jti : undefined
}
