/** Tokens of SoftHSM, each in a folder and with a configuration of its own, that can be pulled and put back. */

import { spawnSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findSoftHsm } from '../../scripts/test/provision.ts'
import { Secret } from '../../src/base/index.ts'
import type { Pkcs11Settings } from '../../src/keys/pkcs11/client.ts'

/** A token that a test may use as it likes. */
export interface TestToken {
  readonly settings: Pkcs11Settings
  /** Its PIN, to look for where it must not be. */
  readonly pin: string
  /** Takes the token away from every process, as pulling it out would. */
  pull(): void
  putBack(): void
  /** What a program of its own sees of the private keys: each attribute's value, or the name of the refusal. */
  peek(attribute: number): readonly string[]
  changePin(pin: string): void
  remove(): void
}

/** Why there can be no token here; undefined when there can. */
export function whyNoToken(): string | undefined {
  if (!findSoftHsm(process.env, existsSync)) return 'no SoftHSM 2 here'
  try {
    createRequire(import.meta.url)('pkcs11js')
    return undefined
  } catch {
    return 'pkcs11js is not built here'
  }
}

const PEEK = `
const p = require('pkcs11js')
const [modulePath, label, attribute] = process.argv.slice(1)
const module = new p.PKCS11()
module.load(modulePath)
module.C_Initialize()
const slot = module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === label)
const session = module.C_OpenSession(slot, p.CKF_SERIAL_SESSION)
module.C_Login(session, p.CKU_USER, require('node:fs').readFileSync(0, 'utf8'))
module.C_FindObjectsInit(session, [{ type: p.CKA_CLASS, value: p.CKO_PRIVATE_KEY }])
const seen = module.C_FindObjects(session, 50).map((key) => {
  try {
    return module.C_GetAttributeValue(session, key, [{ type: Number(attribute) }])[0].value.toString('hex')
  } catch (error) {
    return error.message
  }
})
console.log(JSON.stringify(seen))`

const CHANGE_PIN = `
const p = require('pkcs11js')
const [modulePath, label] = process.argv.slice(1)
const [old, next] = require('node:fs').readFileSync(0, 'utf8').split('\\n')
const module = new p.PKCS11()
module.load(modulePath)
module.C_Initialize()
const slot = module.C_GetSlotList(true).find((one) => module.C_GetTokenInfo(one).label.trim() === label)
const session = module.C_OpenSession(slot, p.CKF_SERIAL_SESSION | p.CKF_RW_SESSION)
module.C_Login(session, p.CKU_USER, old)
module.C_SetPIN(session, old, next)`

/** Makes a token with this label. In a folder under `within`, else where temporary files lie. */
export function createToken({
  within = tmpdir(),
  label = 'test token',
}: {
  readonly within?: string
  readonly label?: string
} = {}): TestToken {
  const modulePath = findSoftHsm(process.env, existsSync) ?? ''
  mkdirSync(within, { recursive: true })
  const folder = mkdtempSync(join(within, 'softhsm-'))
  const [tokens, away, conf] = [join(folder, 'tokens'), join(folder, 'away'), join(folder, 'softhsm2.conf')]
  mkdirSync(tokens)
  writeFileSync(conf, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`)
  const env = { ...process.env, SOFTHSM2_CONF: conf }
  const pin = `pin ${randomInt(1e9, 1e10)}`
  const order = ['--init-token', '--free', '--label', label, '--so-pin', `so ${pin}`, '--pin', pin]
  const made = spawnSync('softhsm2-util', order, { env })
  if (made.status !== 0) throw new Error(`softhsm2-util: ${made.stderr}`)
  let current = pin
  return {
    settings: { modulePath, tokenLabel: label, pin: new Secret(pin), env },
    pin,
    pull: () => renameSync(tokens, away),
    putBack: () => renameSync(away, tokens),
    peek(attribute) {
      const args = ['-e', PEEK, modulePath, label, String(attribute)]
      const { stdout, stderr } = spawnSync(process.execPath, args, { env, input: current, cwd: import.meta.dirname })
      if (stdout.length === 0) throw new Error(stderr.toString())
      return JSON.parse(stdout.toString())
    },
    changePin(next) {
      const args = ['-e', CHANGE_PIN, modulePath, label]
      const { status, stderr } = spawnSync(process.execPath, args, {
        env,
        input: `${current}\n${next}`,
        cwd: import.meta.dirname,
      })
      if (status !== 0) throw new Error(stderr.toString())
      current = next
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
