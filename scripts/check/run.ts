/** Runs a tool of node_modules and collects what it says, for the checks that lean on one. */

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const repository = join(import.meta.dirname, '../..')

/** Runs `script` (a JavaScript file under node_modules) with this Node, in `root`. Resolves whatever its exit code is. */
export async function runTool(
  script: string,
  { root, args }: { readonly root: string; readonly args: readonly string[] },
): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
  const child = spawn(process.execPath, [join(repository, 'node_modules', script), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exit = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [code, stdout, stderr] = await Promise.all([exit, text(child.stdout), text(child.stderr)])
  return { code, stdout, stderr }
}
