/** `mintmark keys rewrap`, `keys renew`, `keys status` and `account erase`: the envelope on the command line. */

import { z } from 'zod'
import type { App } from '../app.ts'
import { BadConfiguration } from '../config/index.ts'
import type { Command, Option } from './commands.ts'
import type { MasterSource } from './master-key.ts'

const yes = (about: string): Option => ({ type: 'boolean', about })
const dryRun = yes('say what would be done, and change nothing')
const flags = z.object({ 'dry-run': z.boolean().default(false), generate: z.boolean().default(false) })

function isSource(masters: App['masters']): masters is MasterSource {
  return 'addFirst' in masters && 'keepFirst' in masters
}

/** The key file's two steps around a rewrap: cut anywhere, the file and the store still belong together. */
async function rewrapGenerated(app: App, isDry: boolean): Promise<object> {
  const source = app.masters
  if (!isSource(source) || source.file === undefined)
    throw new BadConfiguration('the master key is not in a file: put the new key first in MASTER_KEY, and start again')
  await source.reload()
  const isFinishing = source.count() > 1
  if (isDry) {
    const key_file = isFinishing ? 'its first key would stay alone' : 'would get a new key and lose the old one'
    return { ...shownRewrap(await app.envelope.rewrap({ dryRun: true })), key_file }
  }
  if (!isFinishing) await source.addFirst()
  const done = await app.envelope.rewrap({ dryRun: false })
  await source.keepFirst()
  const key_file = isFinishing
    ? 'held several keys already: the first is left, and no new one was made'
    : 'holds the new key alone: back it up now'
  return { ...shownRewrap(done), key_file }
}

const shownRewrap = ({ master, keys, rewrapped, mayRemain }: Awaited<ReturnType<App['envelope']['rewrap']>>) => ({
  master,
  keys,
  rewrapped,
  may_hold_old_wraps: mayRemain,
})

const keys: Readonly<Record<string, Command>> = {
  'keys rewrap': {
    about: 'Wrap all keys with the first master key of the key file (or MASTER_KEY).',
    options: { generate: yes('make a new master key in the key file, and take the old one out'), 'dry-run': dryRun },
    async run(app, { values }) {
      const { 'dry-run': isDry, generate } = flags.parse(values)
      if (generate) return rewrapGenerated(app, isDry)
      const done = shownRewrap(await app.envelope.rewrap({ dryRun: isDry }))
      return isDry
        ? done
        : { ...done, next: 'every key opens with this master alone: take the older keys out of the key file' }
    },
  },
  'keys renew': {
    about: 'New data keys and hash keys; the running server seals everything again in the background.',
    options: { 'dry-run': dryRun },
    async run(app, { values }) {
      const { 'dry-run': isDry } = flags.parse(values)
      const started = await app.envelope.renew({ dryRun: isDry })
      return isDry ? started : { ...started, next: 'a running server goes on; keys status says how far it is' }
    },
  },
  'keys status': {
    about: 'Master keys, data keys, versions of hash keys, and how far a renewal is.',
    options: {},
    run: (app) => app.envelope.status(),
  },
}

/** The commands. */
export const envelopeCommands: Readonly<Record<string, Command>> = {
  ...keys,
  'account erase': {
    about: 'Erase an account: its key is destroyed, its tokens end, its name is free. Shows what is left.',
    argument: 'login',
    options: { 'dry-run': dryRun },
    run: (app, { argument, values }) => app.envelope.eraseAccount(argument, { dryRun: flags.parse(values)['dry-run'] }),
  },
}
