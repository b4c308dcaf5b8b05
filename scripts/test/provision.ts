/** Gets what the tests need and npm can't bring: a Chromium. (The MongoDB server comes from scripts/mongo.) */

import { spawnSync } from 'node:child_process'
import { existsSync, openSync } from 'node:fs'

const INSTALL_MS = 10 * 60_000
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** A Chromium that stands here already: CHROMIUM, else where distributions put it. */
export function findChromium(
  env: Readonly<Record<string, string | undefined>>,
  stands: (path: string) => boolean,
): string | undefined {
  return [env.CHROMIUM, ...places].find((path) => path !== undefined && path !== '' && stands(path))
}

function apt(args: readonly string[], log: number): boolean {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  return spawnSync('apt-get', args, { stdio: ['ignore', log, log], env, timeout: INSTALL_MS }).status === 0
}

/**
 * The path of a Chromium, installed by apt-get where that is possible (root, Debian); undefined when there is none.
 * What the installation says goes to the file `log`.
 */
export function provideChromium({
  log,
  print,
}: {
  readonly log: string
  readonly print: (line: string) => void
}): string | undefined {
  const standing = findChromium(process.env, existsSync)
  if (standing) return standing
  const mayInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')
  if (!mayInstall) {
    print('no Chromium: set CHROMIUM to one, or install the package chromium; the browser tests will fail')
    return undefined
  }
  print('installing Chromium with apt-get ...')
  const file = openSync(log, 'a')
  const done = apt(['update'], file) && apt(['install', '-y', '--no-install-recommends', 'chromium'], file)
  if (!done) print(`Chromium could not be installed; see ${log}`)
  return findChromium(process.env, existsSync)
}
