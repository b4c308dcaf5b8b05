/** What this room refuses, in public words. */

import { refusals } from '../base/index.ts'

export const refuse = refusals({
  key_unknown: [404, 'There is no key with this id (keys list shows them).'],
  key_gone: [409, 'This key is destroyed already.'],
  key_not_previous: [409, 'Only a key that has stopped signing (previous) can be retired; rotate first.'],
  key_needed: [
    409,
    'What this key signed is still alive and would fail at its verifiers; wait (keys list says until when) or say --force.',
  ],
  key_not_retired: [
    409,
    'Only a retired or a next key can be destroyed; a current one is dropped with keys rotate --compromised.',
  ],
  algorithm_unknown: [404, 'No key of the ring is for this algorithm.'],
  algorithm_not_offered: [400, 'The configured signer makes no keys for this algorithm.'],
  ring_busy: [409, 'Another node is changing the keyring at this moment; try again.'],
})

/** The keyring can't be used as it is configured. The message is for people. */
export class KeyringUnusable extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'KeyringUnusable'
  }
}
