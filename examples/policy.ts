/** A policy to try on recorded traffic: `mintmark rotation simulate --policy examples/policy.ts --traffic log.jsonl`. */

import type { RotationPolicy } from '../src/index.ts'

const policy: RotationPolicy = ({ credential }) =>
  credential.chainAgeSeconds > 30 * 24 * 3600
    ? { do: 'revoke', why: 'a month old' }
    : { do: 'rotate', why: 'at every use', lifetimeSeconds: 7 * 24 * 3600 }

export default policy
