/**
 * Loaded by `--import` into every thread of a doomed server: lets its main thread say, in shared memory, at which moment of a
 * request's transaction the writer thread of the embedded store ends the process.
 */

import { StatementSync } from 'node:sqlite'
import { getEnvironmentData, isMainThread, setEnvironmentData } from 'node:worker_threads'
import { die } from './doom.ts'

const NAME = 'doom of the writer'

/** Whether a statement puts the record of a request with an Idempotency-Key: then the transaction is the request's. */
const isRecord = (sql: string): boolean => sql.startsWith('INSERT') && sql.includes('"idempotent-requests"')

function lurk(moment: Int32Array): void {
  let isRequest = false
  const at = (which: number): void => {
    if (isRequest && moment[0] === which) die()
  }
  const run = StatementSync.prototype.run
  Reflect.set(StatementSync.prototype, 'run', function (this: StatementSync, ...values: readonly unknown[]) {
    const sql = this.sourceSQL
    if (sql.startsWith('BEGIN')) isRequest = false
    if (isRecord(sql)) isRequest = true
    if (isRecord(sql)) at(1)
    if (sql.startsWith('RELEASE')) at(2)
    if (sql === 'COMMIT') at(3)
    const done: unknown = Reflect.apply(run, this, values)
    if (sql === 'COMMIT') at(4)
    return done
  })
}

if (isMainThread) setEnvironmentData(NAME, new SharedArrayBuffer(4))
const shared = getEnvironmentData(NAME)
if (!isMainThread && shared instanceof SharedArrayBuffer) lurk(new Int32Array(shared))

/** Says the moment: 1 and on as in `WRITER_MOMENTS`, 0 for none. */
export function doomWriter(moment: number): void {
  const memory = getEnvironmentData(NAME)
  if (memory instanceof SharedArrayBuffer) new Int32Array(memory)[0] = moment
}
