/** How the text of a fresh token leaves: shown in the answer, behind an address that opens once, or sealed for a recipient. */

import { z } from 'zod'
import type { By, ShownToken } from '../api-tokens/index.ts'
import type { Secret, Unit } from '../base/index.ts'
import { WRAP_SECONDS_MAX } from '../handover/index.ts'
import type { Doors } from './doors.ts'
import { refuse } from './problems.ts'
import { shownToken, time, token } from './schemas.ts'

/** Who asks for neither gets the text itself. */
export const delivery = z
  .discriminatedUnion('as', [
    z.strictObject({
      as: z.literal('wrapped'),
      lifetime_seconds: z.int().min(1).max(WRAP_SECONDS_MAX).default(WRAP_SECONDS_MAX),
    }),
    z.strictObject({
      as: z.literal('sealed'),
      recipient: z
        .record(z.string().max(64), z.unknown())
        .describe('Public JWK: EC P-256, P-384 or P-521, X25519, or RSA of at least 2,048 bits.'),
    }),
  ])
  .describe('How its text is handed over, when not in the answer.')

export type Delivery = z.output<typeof delivery>

const MEMBERS = {
  token: z.string().describe('The text of the token. It is shown this once.').optional(),
  wrapped: z
    .strictObject({ address: z.string(), expires_at: time })
    .describe('Where its text is opened, once. A second opening revokes the token.')
    .optional(),
  sealed: z.string().describe('JWE of its text (RFC 7516, compact).').optional(),
}

export const mintedToken = z.strictObject({ ...token.shape, ...MEMBERS }).meta({ id: 'MintedToken' })

interface Minted {
  readonly text: Secret
  readonly shown: ShownToken
}

/** What whoever asked gets of a fresh token. Wrapping is staged in the unit. Throws `not_available`, and what hand-over refuses. */
export async function delivered(
  { text, shown }: Minted,
  how: Delivery | undefined,
  { unit, by, handover }: { readonly unit: Unit; readonly by: By; readonly handover: Doors['handover'] },
): Promise<z.output<typeof mintedToken>> {
  const facts = shownToken(shown)
  if (how === undefined) return { ...facts, token: text.reveal() }
  if (!handover) throw refuse('not_available')
  if (how.as === 'sealed') return { ...facts, sealed: await handover.seal(text, how.recipient) }
  const order = { text, token: shown.id, by }
  const { address, expiresAt } = handover.wrap(unit, order, { lifetimeSeconds: how.lifetime_seconds })
  return { ...facts, wrapped: { address, expires_at: expiresAt } }
}
