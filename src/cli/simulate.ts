/** `mintmark rotation simulate --policy file.ts --traffic log.jsonl`: recorded refreshes through other policies. Opens no store. */

import { createReadStream, existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { z } from 'zod'
import { BadConfiguration, CREDENTIAL_KINDS, loadModule, ROTATION_ACTIONS, rotationSchema } from '../config/index.ts'
import { createEngine, type Recorded, refreshNorm, type Simulation, simulate } from '../rotation/index.ts'

const seen = z.object({ network: z.string().optional(), country: z.string().optional(), agent: z.string().optional() })

/** A line of `rotation log`. What else stands in it is of no use here. */
const line = z.object({
  do: z.enum(ROTATION_ACTIONS),
  facts: z.object({
    event: z.enum([
      'refresh',
      'api-token.scheduled',
      'client-secret.scheduled',
      'signing-key.tick',
      'leak',
      'risk',
      'admin',
    ]),
    now: z.number(),
    credential: z.object({
      kind: z.enum(CREDENTIAL_KINDS),
      id: z.string(),
      ageSeconds: z.number(),
      chainAgeSeconds: z.number(),
      idleSeconds: z.number(),
      lifetimeShare: z.number(),
      rotations: z.number(),
      rotateEverySeconds: z.number().optional(),
      uses: z.number().optional(),
      bound: z.enum(['none', 'dpop', 'mtls']),
      scopes: z.array(z.string()),
      last: seen.optional(),
    }),
    client: z
      .object({ id: z.string(), public: z.boolean(), fapi: z.boolean(), label: z.string().optional() })
      .transform((client) => ({ ...client, label: client.label }))
      .optional(),
    subject: z.object({ id: z.string(), authTime: z.number().optional() }).optional(),
    request: seen.optional(),
    risk: z.object({ score: z.number(), reasons: z.array(z.string()) }).optional(),
    limits: z.object({ neverRotate: z.boolean(), lifetimeSecondsMax: z.number(), graceSecondsMax: z.number() }),
  }),
})

async function* recordedIn(path: string): AsyncGenerator<Recorded> {
  let number = 0
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    number++
    if (!text.trim()) continue
    let json: unknown
    try {
      json = JSON.parse(text)
    } catch {
      throw new BadConfiguration(`${path}, line ${number}: not JSON; print traffic with \`mintmark rotation log\``)
    }
    const parsed = line.safeParse(json)
    if (!parsed.success) {
      const [issue] = parsed.error.issues
      throw new BadConfiguration(`${path}, line ${number}: ${issue?.path.join('.')}: ${issue?.message}`)
    }
    yield { facts: parsed.data.facts, decided: parsed.data.do }
  }
}

/**
 * Runs the replay. The policy file exports as default one policy or a list as in `rotation: [...]`; it is code, so it is loaded
 * only if it is one's own. Throws `BadConfiguration` for a file that can't be used.
 */
export async function runSimulation(input: {
  readonly policy: string
  readonly traffic: string
  readonly uid: number | undefined
}): Promise<Simulation> {
  const traffic = resolve(input.traffic)
  if (!existsSync(traffic)) throw new BadConfiguration(`${traffic}: there is no such file (--traffic)`)
  const exported = await loadModule(resolve(input.policy), input.uid)
  const rules = rotationSchema.safeParse(Array.isArray(exported) ? exported : [exported])
  if (!rules.success)
    throw new BadConfiguration(
      `${input.policy}: must export a policy, or a list of them, as default (${rules.error.issues[0]?.message})`,
    )
  const engine = createEngine({
    // A policy that is to be judged counts, shadowed or not.
    rules: rules.data.map((rule) => ({ ...rule, shadow: false })),
    norm: refreshNorm,
    stopwatch: () => performance.now(),
    after(ms, then) {
      const timer = setTimeout(then, ms)
      return () => clearTimeout(timer)
    },
    report: () => {},
  })
  return simulate(engine, recordedIn(traffic))
}
