/**
 * Ends the child when its parent is gone. A thread of its own: a module that hangs in a call holds the main one, and with it the
 * event that would say so.
 */

import { workerData } from 'node:worker_threads'

const LOOK_MS = 1000

setInterval(() => {
  if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL')
}, LOOK_MS)
