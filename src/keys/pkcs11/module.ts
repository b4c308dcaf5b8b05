/**
 * Loads pkcs11js and with it a vendor's module. Imported by the child process alone.
 * Its types are not imported: the package is optional, and what does not have it must still pass a type check.
 */

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { Trouble } from './trouble.ts'

/** What PKCS#11 calls a handle: of a slot, a session, an object. */
export type Handle = Buffer

export interface Attribute {
  readonly type: number
  readonly value?: boolean | number | string | Buffer
}

export interface Mechanism {
  readonly mechanism: number
  readonly parameter: Readonly<Record<string, unknown>> | null
}

/** The calls of pkcs11js 2.1.7 that are used here. Each throws an error whose message is `CKR_...` or begins so. */
export interface Cryptoki {
  load(path: string): void
  C_Initialize(options: { readonly flags: number }): void
  C_Finalize(): void
  C_GetSlotList(tokenPresent: boolean): readonly Handle[]
  C_GetTokenInfo(slot: Handle): { readonly label: string }
  C_GetMechanismList(slot: Handle): readonly number[]
  C_OpenSession(slot: Handle, flags: number): Handle
  C_GetSessionInfo(session: Handle): { readonly state: number }
  C_Login(session: Handle, user: number, pin: string): void
  C_FindObjectsInit(session: Handle, template: readonly Attribute[]): void
  C_FindObjects(session: Handle, max: number): readonly Handle[]
  C_FindObjectsFinal(session: Handle): void
  C_GetAttributeValue(
    session: Handle,
    object: Handle,
    template: readonly Attribute[],
  ): readonly { readonly value: Buffer }[]
  C_DestroyObject(session: Handle, object: Handle): void
  C_GenerateKeyAsync(session: Handle, mechanism: Mechanism, template: readonly Attribute[]): Promise<Handle>
  C_GenerateKeyPairAsync(
    session: Handle,
    mechanism: Mechanism,
    publicTemplate: readonly Attribute[],
    privateTemplate: readonly Attribute[],
  ): Promise<{ readonly publicKey: Handle; readonly privateKey: Handle }>
  C_SignInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_SignAsync(session: Handle, data: Buffer, out: Buffer): Promise<Buffer>
  C_EncryptInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_EncryptAsync(session: Handle, data: Buffer, out: Buffer): Promise<Buffer>
  C_DecryptInit(session: Handle, mechanism: Mechanism, key: Handle): void
  C_DecryptAsync(session: Handle, data: Buffer, out: Buffer): Promise<Buffer>
}

const ABSENT =
  'the npm package pkcs11js is not installed, or was not built: install it with a C++ compiler, make and Python 3 at hand and npm_config_nodedir set to a folder that holds Node’s headers (docs/signers.md)'

/** The module at this path. Throws a `Trouble` of kind `module` that says what is missing. */
export function loadModule(path: string): Cryptoki {
  let pkcs11js: { readonly PKCS11: new () => Cryptoki }
  try {
    pkcs11js = createRequire(import.meta.url)('pkcs11js')
  } catch (cause) {
    throw new Trouble('module', ABSENT, { cause })
  }
  if (!existsSync(path)) throw new Trouble('module', `${path}: there is no such file (the PKCS#11 module)`)
  const module = new pkcs11js.PKCS11()
  try {
    module.load(path)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Trouble('module', `${path} is not a PKCS#11 module that can be loaded here: ${why}`, { cause })
  }
  return module
}
