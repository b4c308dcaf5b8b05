/** `mintmark rotation ...` and `mintmark family ...`: what was decided and why, how policies do, and what people may do about it. */

import { z } from 'zod'
import type { Command, Option } from './commands.ts'

const string = (about: string): Option => ({ type: 'string', about })

const many = z.coerce.number().int().min(1).max(1_000_000).default(1000)

/** The commands. */
export const rotationCommands: Readonly<Record<string, Command>> = {
  'rotation log': {
    about: 'What was decided about refreshes and why, as JSON lines; `rotation simulate` reads them.',
    options: { last: string('how many; 1000 unless given') },
    lines: true,
    async run(app, { values }) {
      await app.relay.drain()
      return app.eventLog.latest({ type: 'rotation.decided', last: many.parse(values.last) })
    },
  },
  'rotation policies': {
    about: 'The policies that are configured: asked, failed, disabled and why, since the server started.',
    options: {},
    run: async (app) => app.oidc.policies(),
  },
  'family list': {
    about: "A client's families of refresh tokens.",
    options: { client: string('client_id'), ended: { type: 'boolean', about: 'ended ones too' } },
    async run(app, { values }) {
      const { client, ended } = z.object({ client: z.string(), ended: z.boolean().default(false) }).parse(values)
      return app.oidc.families.list(client, { ended })
    },
  },
  'family release': {
    about: 'Take back the hold that a policy (stepUp, quarantine) put on a family.',
    argument: 'id',
    options: {},
    async run(app, { argument }) {
      await app.oidc.families.release(argument)
      return { id: argument, state: 'live' }
    },
  },
  'family revoke': {
    about: 'End a family: whoever has its tokens must sign in again.',
    argument: 'id',
    options: {},
    async run(app, { argument }) {
      await app.oidc.families.revoke(argument)
      return { id: argument, revoked: true }
    },
  },
  'family rotate': {
    about: 'Rotate a family at its next refresh, even of a FAPI client: for a token that may have been seen.',
    argument: 'id',
    options: {},
    async run(app, { argument }) {
      await app.oidc.families.rotateNext(argument)
      return { id: argument, rotates: 'at its next refresh' }
    },
  },
}
