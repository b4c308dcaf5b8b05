/**
 * The ground floor: clock, chance, secrets and how texts are hashed under keys and compared, refusals, the unit of work, the document builder.
 * Owns no collection, speaks no protocol, imports no other room.
 */

export { type Clock, type Random, randomText, seconds, systemClock, systemRandom } from './clock.ts'
export { type Committed, committingBy, createCommitted } from './committed.ts'
export { type Bound, bound, newDoc, TENANT } from './document.ts'
export { DURATION, durationSeconds, inWords, SPAN } from './duration.ts'
export { hkdf, type KeyedHash, keyedHash } from './keyed-hash.ts'
export { LINE, SEEN } from './line.ts'
export { isLoopback } from './loopback.ts'
export { createMemo } from './memo.ts'
export { nearest } from './nearest.ts'
export { isNetwork, NETWORK } from './network.ts'
export { Refusal, type RefusalRow, refusals } from './refusal.ts'
export { isConflict, overRivals } from './rivals.ts'
export { isSameText } from './same-text.ts'
export { Secret } from './secret.ts'
export { hasWrites, type Keep, type Noted, type Reader, Unit } from './unit.ts'
