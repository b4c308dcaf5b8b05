/**
 * Reads of one turn of the event loop share one read transaction. Each by itself would lock the file, look where the log ends and load
 * again what the writer has changed; half of what a read costs is that.
 */

import type { DatabaseSync } from 'node:sqlite'

/** The transaction of a turn. */
export interface ReadTurn {
  /** Before every read. What is read in this turn from now on is of one moment. */
  enter(): void
  /** What is read from now on is as new as the file: after an answer of the writer, whose commit must be seen. */
  leave(): void
}

/** The turns of a connection. It must not be used for transactions otherwise. */
export function readTurns(db: DatabaseSync): ReadTurn {
  const [begin, end] = [db.prepare('BEGIN'), db.prepare('COMMIT')]
  let isOpen = false

  function leave(): void {
    if (!isOpen) return
    isOpen = false
    end.run()
  }

  return {
    enter() {
      if (isOpen) return
      begin.run()
      isOpen = true
      // After the events of this turn, and before the writer is handed what they commit: the log can begin anew meanwhile.
      setImmediate(leave)
    },
    leave,
  }
}
