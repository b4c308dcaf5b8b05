/**
 * The process that holds a vendor's PKCS#11 module. Native code of others may crash, hang or leak: here it takes nobody along.
 * It ends with its parent. Who speaks to it: line.ts.
 */

import { Worker } from 'node:worker_threads'
import { algorithmsOf, decrypt, destroy, encrypt, findMasters, generate, makeMaster, ready, sign } from './keys.ts'
import type { Answer, Call, Start, Verb, Verbs } from './messages.ts'
import { loadModule } from './module.ts'
import { createToken, type Session, type Token } from './token.ts'
import { inWords, Trouble } from './trouble.ts'

/** A call that needs a session of the token. */
type TokenCall = Exclude<Call, { readonly verb: 'start' | 'end' }>

let token: Token | undefined

async function start({ modulePath, tokenLabel, pin, sessions }: Start): Promise<Verbs['start']['answer']> {
  token = createToken(loadModule(modulePath), { label: tokenLabel, pin, sessions })
  return { algorithms: algorithmsOf(await token.mechanisms()) }
}

async function end(): Promise<null> {
  await token?.end()
  setImmediate(() => process.disconnect())
  return null
}

function done(session: Session, call: TokenCall): Promise<Verbs[Verb]['answer']> {
  switch (call.verb) {
    case 'generate':
      return generate(session, call.ask.alg)
    case 'sign':
      return sign(session, call.ask)
    case 'destroy':
      return destroy(session, call.ask)
    case 'ready':
      return ready(session)
    case 'makeMaster':
      return makeMaster(session, call.ask)
    case 'findMasters':
      return findMasters(session, call.ask)
    case 'encrypt':
      return encrypt(session, call.ask)
    case 'decrypt':
      return decrypt(session, call.ask)
    default:
      return call satisfies never
  }
}

async function answerTo(call: Call): Promise<Verbs[Verb]['answer']> {
  if (call.verb === 'start') return start(call.ask)
  if (call.verb === 'end') return end()
  if (!token) throw new Trouble('away', 'the PKCS#11 module is not loaded')
  return token.run((session) => {
    if (Date.now() > call.until) throw new Trouble('away', 'the token is busy: nobody waits for this call any more')
    return done(session, call)
  })
}

async function serve(call: Call): Promise<Answer> {
  const { n } = call
  try {
    return { n, done: await answerTo(call) }
  } catch (cause) {
    if (cause instanceof Trouble) return { n, fault: cause.kind, message: cause.message }
    return { n, fault: 'away', message: `the PKCS#11 module failed: ${inWords(cause)}` }
  }
}

// The same file is .ts in the repository and .js in the package.
new Worker(new URL(`./watchdog${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url), {
  workerData: process.ppid,
}).unref()
process.on('message', (call: Call) => {
  void serve(call).then((answer) => process.send?.(answer))
})
// At once, and not by process.exit: that waits for threads that may hang in the module.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// A signal to the whole group (Ctrl-C, systemd) must not take the signer from a server that is still draining.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
