/** `mintmark account ...`. Passwords come by standard input. */

import { z } from 'zod'
import type { App } from '../app.ts'
import type { Command, Option } from './commands.ts'

const string = (about: string): Option => ({ type: 'string', about })

function shownAccount({ sub, disabled, person }: Awaited<ReturnType<App['accounts']['list']>>[number]): object {
  return {
    sub,
    name: person.loginName,
    email: person.email,
    disabled,
    demonstration: person.demo,
    created_at: person.createdAt,
  }
}

/** The commands. */
export const accountCommands: Readonly<Record<string, Command>> = {
  'account create': {
    about: 'Create an account. The password comes by standard input.',
    secretInput: 'password',
    options: { login: string('name to sign in with'), email: string('e-mail address'), name: string('full name') },
    async run(app, { values, input }) {
      const o = z
        .object({ login: z.string(), email: z.email().optional(), name: z.string().max(200).optional() })
        .parse(values)
      return shownAccount(
        await app.accounts.create({
          loginName: o.login,
          password: input,
          ...(o.email ? { email: o.email } : {}),
          ...(o.name ? { name: o.name } : {}),
        }),
      )
    },
  },
  'account list': {
    about: 'List accounts.',
    options: {},
    run: async (app) => (await app.accounts.list()).map(shownAccount),
  },
  'account disable': {
    about: "Disable an account: it can't sign in, and its tokens are refused.",
    argument: 'login',
    options: {},
    run: async (app, { argument }) => {
      await app.accounts.disable(argument)
      return { name: argument, disabled: true }
    },
  },
  'account enable': {
    about: 'Enable a disabled account.',
    argument: 'login',
    options: {},
    run: async (app, { argument }) => {
      await app.accounts.enable(argument)
      return { name: argument, disabled: false }
    },
  },
  'account set-password': {
    about: 'Set a password, which comes by standard input.',
    argument: 'login',
    secretInput: 'password',
    options: {},
    run: async (app, { argument, input }) => {
      await app.accounts.setPassword(argument, input)
      return { name: argument, password_set: true }
    },
  },
}
