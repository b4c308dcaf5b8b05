/** The server's entry: `npm start`. Everything it does is `serve`; it only decides how a failure to start looks. */

import { isForPeople } from './cli/open.ts'
import { serve } from './cli/serve.ts'

try {
  await serve(process.env)
} catch (cause) {
  if (!isForPeople(cause)) throw cause
  process.stderr.write(`\nMintmark can't start:\n${cause.message}\n\n`)
  process.exitCode = 1
}
