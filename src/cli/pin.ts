/** Reads the PIN of a PKCS#11 token: from a file that only its owner can read, never from an argument or a variable. */

import { readFileSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { Secret } from '../base/index.ts'
import { BadConfiguration } from '../config/index.ts'

/** The PIN in a file. Throws `BadConfiguration` where there is none, it is empty, or others may read it. */
export function readPin(path: string): Secret {
  const file = resolve(path)
  const stats = statSync(file, { throwIfNoEntry: false })
  if (!stats?.isFile()) throw new BadConfiguration(`${file}: there is no such file (PKCS11_PIN_FILE)`)
  if (stats.mode & 0o077)
    throw new BadConfiguration(`${file}: others may read the PIN; take that right away (chmod 600)`)
  const pin = readFileSync(file, 'utf8').trim()
  if (!pin) throw new BadConfiguration(`${file}: is empty (PKCS11_PIN_FILE)`)
  return new Secret(pin)
}
