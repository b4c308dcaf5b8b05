/** A server on the clock of its parent. PACE: how many times faster than the wall it goes. */

import './clock.ts'
import { serve } from '../../src/cli/serve.ts'

await serve(process.env, { pace: Number(process.env.PACE) })
