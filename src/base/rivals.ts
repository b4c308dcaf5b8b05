/** What a commit that lost to a rival means, said once: whether it did, and that it is tried again on what is there then. */

import { Conflict } from '../../adapters/store.ts'

/** Whether a rival was there first. */
export const isConflict = (cause: unknown): cause is Conflict => cause instanceof Conflict

/** Runs until no rival is first, `tries` times at most; then throws the last `Conflict`. What it runs must read anew each time. */
export async function overRivals<T>(tries: number, run: () => Promise<T>): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await run()
    } catch (cause) {
      if (!isConflict(cause) || n >= tries) throw cause
    }
  }
}
