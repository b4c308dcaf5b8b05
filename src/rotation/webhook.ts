/** A policy that asks a service of one's own, by a signed request (Standard Webhooks' signature scheme). */

import { createHash, createHmac } from 'node:crypto'
import { Secret } from '../base/index.ts'
import { type RotationDecision, type RotationPolicy, withRecipe } from '../config/index.ts'
import { createOutbound } from '../http/index.ts'
import { BUDGET_MS } from './asking.ts'
import { named } from './policies.ts'

const ANSWER_BYTES_MAX = 16_384

/**
 * POSTs the facts as JSON and takes a decision as JSON. Signed with HMAC-SHA-256 over `id.timestamp.body` in `webhook-signature:
 * v1,<base64>`; answered within 50 ms or it counts as failed, so the service stands close by. Reaches no private or loopback
 * address unless its network is in `allow` (CIDR). For decisions that need what only your own systems know.
 */
export function webhook(
  url: string,
  secret: string,
  options: { readonly allow?: readonly string[] } = {},
): RotationPolicy {
  const target = URL.parse(url)
  if (!target || !/^https?:$/.test(target.protocol)) throw new TypeError('webhook: an http(s) address')
  if (secret.length < 16) throw new TypeError('webhook: a secret of at least 16 characters')
  const key = new Secret(secret)
  const send = createOutbound({ allow: options.allow ?? [], timeoutMs: BUDGET_MS, bytesMax: ANSWER_BYTES_MAX })
  const policy = named(`webhook(${target.host})`, '1', async (facts) => {
    const body = JSON.stringify(facts)
    const id = `msg_${createHash('sha256').update(body).digest('base64url').slice(0, 22)}`
    const signature = createHmac('sha256', key.reveal()).update(`${id}.${facts.now}.${body}`).digest('base64')
    const answer = await send(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(facts.now),
        'webhook-signature': `v1,${signature}`,
      },
      body,
    })
    if (answer.status !== 200) throw new Error(`the webhook answered ${answer.status}`)
    // Whatever it says is parsed by the engine, like every policy's answer.
    return (await answer.json()) as RotationDecision
  })
  // The secret is plain in the recipe alone, which is made when it is asked for and travels between two threads only.
  return withRecipe(policy, () => ({ builtIn: 'webhook', with: [url, key.reveal(), options] }))
}
