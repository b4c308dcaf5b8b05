/** `mintmark keys ...`: the keys that sign tokens and cookies. Each change has a `--dry-run` that says what it would do. */

import { z } from 'zod'
import type { Command, Option } from './commands.ts'

const string = (about: string): Option => ({ type: 'string', about })
const yes = (about: string): Option => ({ type: 'boolean', about })
const flag = z.boolean().default(false)

const dryRun = { 'dry-run': yes('say what would be done, and do nothing') }
const which = {
  alg: string('algorithm; all that tokens are signed with unless given. "cookie" for the secret of cookies'),
}
const chosen = z.object({
  alg: z.string().optional(),
  kid: z.string().optional(),
  compromised: flag,
  force: flag,
  destroyed: flag,
  'dry-run': flag,
})

/** `mintmark config reload`, beside `config check`, which needs no server. */
export const configCommands: Readonly<Record<string, Command>> = {
  'config reload': {
    about: 'Have the running server read its configuration again now; says what is in force and what needs a restart.',
    options: {},
    run: (app) => app.reload(),
  },
}

const rotation = chosen.refine(({ kid, compromised }) => kid === undefined || compromised, {
  path: ['kid'],
  message: 'goes with --compromised: a planned rotation is of an algorithm (--alg)',
})

/** The commands. */
export const keyCommands: Readonly<Record<string, Command>> = {
  'keys list': {
    about: 'Every key with its state, what it has signed and what comes next for it.',
    options: { destroyed: yes('destroyed ones too') },
    run: (app, { values }) => app.keyring.list({ destroyed: chosen.parse(values).destroyed }),
  },
  'keys rotate': {
    about: 'Let the next key sign as soon as it has been published long enough. Nobody notices.',
    options: {
      ...which,
      kid: string('with --compromised: the key that leaked'),
      compromised: yes('now: sign with a new key at once, drop the old one and all that it signed'),
      ...dryRun,
    },
    async run(app, { values }) {
      const { alg, kid, compromised, 'dry-run': dry } = rotation.parse(values)
      return compromised
        ? app.keyring.drop({ alg, kid, why: 'compromised', dryRun: dry })
        : app.keyring.rotate({ alg, dryRun: dry })
    },
  },
  'keys drill': {
    about: 'Rehearse the loss of a key: what keys rotate --compromised does, recorded as a drill. Try --dry-run first.',
    options: { ...which, ...dryRun },
    run(app, { values }) {
      const { alg, 'dry-run': dry } = chosen.parse(values)
      return app.keyring.drop({ alg, why: 'drill', dryRun: dry })
    },
  },
  'keys retire': {
    about: 'Take a key that has stopped signing off /jwks before its time.',
    argument: 'kid',
    options: { force: yes('although what it signed is still alive'), ...dryRun },
    run(app, { argument, values }) {
      const { force, 'dry-run': dry } = chosen.parse(values)
      return app.keyring.retire(argument, { force, dryRun: dry })
    },
  },
  'keys destroy': {
    about: 'Destroy a retired key, or a next one that never signed.',
    argument: 'kid',
    options: dryRun,
    run: (app, { argument, values }) => app.keyring.destroy(argument, { dryRun: chosen.parse(values)['dry-run'] }),
  },
}
