/** Opens the hardware that PKCS11_* names, and says who makes signing keys and what a master key in a token is. */

import { BadConfiguration, type Configuration } from '../config/index.ts'
import {
  createPkcs11Master,
  createPkcs11Signers,
  createSoftwareSigners,
  makeMasterKey,
  openPkcs11,
  type Pkcs11Client,
  type Signers,
  SignerUnavailable,
} from '../keys/index.ts'
import { WrongMasterKey } from '../seal/index.ts'
import type { Hardware } from './master-key.ts'
import type { Setting } from './open.ts'
import { readPin } from './pin.ts'

/** The token that PKCS11_MODULE names; undefined where none is. Throws `Pkcs11Misconfigured`. */
export async function openToken({ env, environment }: Setting): Promise<Pkcs11Client | undefined> {
  const { PKCS11_MODULE, PKCS11_TOKEN, PKCS11_PIN_FILE } = env
  if (!PKCS11_MODULE || !PKCS11_TOKEN || !PKCS11_PIN_FILE) return undefined
  return openPkcs11({
    modulePath: PKCS11_MODULE,
    tokenLabel: PKCS11_TOKEN,
    pin: readPin(PKCS11_PIN_FILE),
    sessions: env.PKCS11_SESSIONS,
    budgetMs: env.PKCS11_BUDGET_MS,
    env: environment,
  })
}

/** Those who make and open signing keys: first who makes new ones, then whoever else may have made what the store knows. */
export function signersOf(
  { env }: Setting,
  { keys }: Configuration,
  token: Pkcs11Client | undefined,
): readonly [Signers, ...Signers[]] {
  const hardware = token ? [createPkcs11Signers(token)] : []
  const software = createSoftwareSigners()
  if (keys.signers) return [keys.signers, ...hardware, software]
  const [first] = hardware
  return first && env.SIGNER === 'pkcs11' ? [first, software] : [software, ...hardware]
}

/** Master keys in the token. What the token refuses to open was wrapped by another key; a token that is away says so itself. */
export function hardwareMasters(token: Pkcs11Client | undefined): Hardware | undefined {
  if (!token) return undefined
  return async (label) => {
    const master = await createPkcs11Master(token, label)
    return {
      id: master.id,
      wrap: (key, aad) => master.wrap(key, aad),
      unwrap: (wrapped, aad) =>
        master.unwrap(wrapped, aad).catch((cause: unknown) => {
          throw cause instanceof SignerUnavailable ? cause : new WrongMasterKey()
        }),
    }
  }
}

/** Makes a master key in the token (`mintmark keys make-master`): it can't be taken out, only used there. */
export async function makeMaster(setting: Setting, label: string): Promise<object> {
  const token = await openToken(setting)
  if (!token) throw new BadConfiguration('PKCS11_MODULE, PKCS11_TOKEN and PKCS11_PIN_FILE: set all three')
  try {
    await makeMasterKey(token, label)
    return { label, token: token.tokenLabel, use: `MASTER_KEY=pkcs11:${label}` }
  } finally {
    await token.close()
  }
}
