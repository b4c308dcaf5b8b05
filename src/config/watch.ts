/**
 * Notices that the configuration module has changed. It looks at the file's stamp once a second: file events do not exist on every
 * file system that a configuration may lie on, and are many where a person sees one change. What the module imports is not watched.
 */

import { statSync } from 'node:fs'
import { BadConfiguration } from './environment.ts'

const EVERY_MS = 1000

/** What a file looks like from outside; a change of content, place, rights or owner changes it. */
export function stampOf(path: string): string {
  try {
    const stats = statSync(path, { throwIfNoEntry: false })
    if (!stats) return 'absent'
    const { mtimeMs, ctimeMs, size, ino, mode, uid } = stats
    return [mtimeMs, ctimeMs, size, ino, mode, uid].join(' ')
  } catch (cause) {
    return `unreadable ${cause instanceof Error ? cause.message : ''}`
  }
}

/** What watching takes. */
export interface WatchInput {
  readonly path: string
  /** Called once for a change; no second time while it runs. A change meanwhile is seen afterwards. */
  readonly onChange: () => Promise<void>
  /** Told when `onChange` rejects; the watch goes on. */
  readonly failed: (cause: unknown) => void
  /** The stamp (`stampOf`) from before the file was read; the present one unless given. */
  readonly since?: string
  readonly everyMs?: number
  readonly stamp?: (path: string) => string
  /** Calls back every so many milliseconds; returns what ends it. */
  readonly every?: (ms: number, tick: () => void) => () => void
}

function systemEvery(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms).unref()
  return () => clearInterval(timer)
}

/** Watches until `stop`, which resolves when an `onChange` that runs has ended. */
export function watchConfiguration(input: WatchInput): { stop(): Promise<void> } {
  const { path, onChange, failed, stamp = stampOf, every = systemEvery } = input
  let last = input.since ?? stamp(path)
  let running: Promise<void> | undefined
  const end = every(input.everyMs ?? EVERY_MS, () => {
    if (running) return
    // Before the file is read: a change while it is read is seen at the next look.
    const now = stamp(path)
    if (now === last) return
    const before = last
    last = now
    running = (async () => onChange())()
      .catch((cause: unknown) => {
        // A bad file is bad until it is changed; anything else passes, and the file is tried again at the next look.
        if (!(cause instanceof BadConfiguration)) last = before
        failed(cause)
      })
      .finally(() => {
        running = undefined
      })
  })
  return {
    async stop() {
      end()
      await running
    },
  }
}
