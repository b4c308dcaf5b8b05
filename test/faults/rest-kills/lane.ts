/** One store and the servers that die on it: plays cases, each killed at one moment after the other, and judges what is left. */

import assert from 'node:assert/strict'
import { allSecrets, type StoreKind } from '../../support/world.ts'
import type { Case, Desk, Order } from './cases.ts'
import { type Doom, WRITER_MOMENTS } from './doom.ts'
import { type Answered, freeAddress, Lives } from './process.ts'
import { introspected, secretOf } from './secrets.ts'
import { ownerOf, type Seeded, seeded } from './seeds.ts'
import { difference, made, recorded, type Standing, standingAt } from './standing.ts'

/** What a lane has seen. */
export interface Tally {
  readonly routes: Set<string>
  readonly problems: string[]
  points: number
  /** How things stood after kills. `open`: MongoDB only, some of it, with the record that says the rest. */
  nothing: number
  all: number
  open: number
  half: number
}

/** A request that nobody killed: what it came to. */
interface Reference {
  readonly difference: readonly string[]
  /** By how many the inventory's count rose. */
  readonly more: number
  readonly status: number
  readonly shape: unknown
  readonly calls: readonly string[]
  readonly writes: number
  readonly ms: number
}

const EVERY: Readonly<Record<StoreKind, number>> = { sqlite: 1, mongodb: 3 }
const TIMES = 1
const hosts = /^(tok_|mm_|http)/

/** An answer without what chance and time make of it. */
function shapeOf(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(shapeOf)
  if (typeof body === 'string') return /^[a-z_]{1,30}$/.test(body) ? body : hosts.test(body) ? body.slice(0, 4) : 'text'
  if (typeof body === 'number') return body > 1e9 ? 'time' : body
  if (typeof body !== 'object' || body === null) return body
  return Object.fromEntries(
    Object.entries(body).map(([name, value]) => [name, name === 'ending' ? 'text' : shapeOf(value)]),
  )
}

/** Where a case is killed: at each call or each third, at each moment of the writer, at moments that chance chooses. */
function dooms(kind: StoreKind, kase: Case, seen: Reference, random: () => number): readonly Doom[] {
  const every = Math.max(EVERY[kind], kase.every ?? 1)
  const offset = Math.floor(random() * every)
  const isMeant = (at: number): boolean => (at + offset) % every === 0
  const calls = seen.calls.flatMap((name, n): Doom[] => {
    const before: Doom = { in: 'store', at: n + 1, when: 'before' }
    if (name === 'commit') return [before, { ...before, when: 'after' }]
    return kase.at === 'calls' && isMeant(n) ? [before] : []
  })
  const moments =
    kind === 'sqlite' && kase.at === 'calls' ? WRITER_MOMENTS.map((_, at): Doom => ({ in: 'writer', at })) : []
  const writes = Array.from({ length: kind === 'mongodb' ? seen.writes : 0 }, (_, n): Doom[] =>
    isMeant(n) ? [{ in: 'driver', at: n + 1, when: 'after' }] : [],
  ).flat()
  const times = Array.from(
    { length: kase.at === 'calls' ? TIMES : 0 },
    (): Doom => ({ in: 'time', ms: random() * seen.ms * 1.2 }),
  )
  return [...calls, ...moments, ...writes, ...times]
}

/** A lane. */
export class Lane {
  readonly #kind: StoreKind
  readonly #seeds: Seeded
  readonly #lives: Lives
  readonly #tally: Tally
  readonly #random: () => number
  #kills = 0
  #owners = 0

  private constructor(input: { kind: StoreKind; seeds: Seeded; lives: Lives; tally: Tally; random: () => number }) {
    this.#kind = input.kind
    this.#seeds = input.seeds
    this.#lives = input.lives
    this.#tally = input.tally
    this.#random = input.random
  }

  /** Makes its store, and begins the first life. */
  static async open(kind: StoreKind, tally: Tally, random: () => number): Promise<Lane> {
    const address = await freeAddress()
    const seeds = await seeded(kind, address.issuer)
    const lives = new Lives(kind, seeds.place, address)
    await lives.begin()
    return new Lane({ kind, seeds, lives, tally, random })
  }

  /** Kills one case at all of its moments. */
  async play(kase: Case): Promise<void> {
    this.#tally.routes.add(kase.route)
    const seen = await this.#reference(kase)
    for (const doom of dooms(this.#kind, kase, seen, this.#random)) await this.#kill(kase, doom, seen)
    // One more than there were: then nobody is killed any more. Never too few, should a cache have saved a call the first time.
    for (let at = seen.calls.length + 1; kase.at === 'calls' && this.#kind === 'sqlite'; at++)
      if (await this.#kill(kase, { in: 'store', at, when: 'before' }, seen)) break
  }

  close(): Promise<void> {
    return this.#lives.end()
  }

  #post(order: Order, key: string, as: 'root' | 'maker' = 'root'): Promise<Answered | undefined> {
    const { path, body } = order
    return this.#lives.ask({ method: 'POST', path: `/api/v1${path}`, as: this.#seeds[as], key, body })
  }

  async #answer(order: Order, key: string, as: 'root' | 'maker' = 'root'): Promise<Answered> {
    const answer = await this.#post(order, key, as)
    if (!answer) throw new Error(`${order.path}: no answer`)
    if (typeof answer.body.token === 'string') allSecrets.push(answer.body.token)
    return answer
  }

  /** What a kill of this case acts on, and with which key it is asked. */
  async #ready(
    kase: Case,
  ): Promise<{ readonly order: Order; readonly key: string; readonly before: Standing; readonly count: number }> {
    const n = this.#kills++
    const key = `kill-${n}`
    let asked = 0
    const desk: Desk = {
      owner: ownerOf(kase.ownsAll ? ++this.#owners : 0),
      n,
      post: async (path, body = {}, as) => {
        const answer = await this.#answer({ path, body }, `${key}-${asked++}`, as)
        assert.ok(answer.status < 300, `${path}: ${answer.text}`)
        return answer
      },
    }
    const order = await kase.order(desk)
    return { order, key, before: await standingAt(this.#seeds.place), count: await this.#count() }
  }

  async #reference(kase: Case): Promise<Reference> {
    const { order, key, before, count } = await this.#ready(kase)
    await this.#lives.doom({ in: 'nothing' })
    const from = performance.now()
    const answer = await this.#answer(order, key)
    const ms = performance.now() - from
    const { calls, writes } = await this.#lives.counted()
    const after = await standingAt(this.#seeds.place)
    assert.ok(answer.status < 300, answer.text)
    assert.deepEqual(recorded(before, after), ['done'])
    const done = difference(before, after)
    assert.ok(done.length > 1, `${kase.name} did nothing`)
    const more = (await this.#count()) - count
    return { difference: done, more, status: answer.status, shape: shapeOf(answer.body), calls, writes, ms }
  }

  /** Kills a request at one moment, and has it retried. Resolves to whether it had answered before. */
  async #kill(kase: Case, doom: Doom, seen: Reference): Promise<boolean> {
    const ready = await this.#ready(kase)
    await this.#lives.doom(doom)
    const asking = this.#post(ready.order, ready.key)
    if (doom.in === 'time') {
      await new Promise((next) => setTimeout(next, doom.ms))
      await this.#lives.kill()
    }
    const answer = await asking
    const isAlive = answer !== undefined && doom.in !== 'time'
    if (!isAlive) {
      assert.equal(await this.#lives.ended(), 'SIGKILL')
      this.#tally.points++
    }
    const where = `${kase.name}, ${JSON.stringify(doom)}`
    await this.#judge({ ...ready, where, kase, doom, seen, answer, isAlive })
    return isAlive
  }

  /** What is left, what the retry makes of it, and that one more changes nothing. */
  async #judge(input: {
    readonly where: string
    readonly kase: Case
    readonly doom: Doom
    readonly order: Order
    readonly key: string
    readonly before: Standing
    readonly count: number
    readonly seen: Reference
    readonly answer: Answered | undefined
    readonly isAlive: boolean
  }): Promise<void> {
    const { where, order, key, before, seen, isAlive } = input
    const { place } = this.#seeds
    const left = await standingAt(place)
    const stands = this.#stateOf(left, { before, seen })
    this.#tally[stands]++
    const says = (what: string, isTrue: boolean): void => {
      if (!isTrue) this.#tally.problems.push(`${where}: ${what}`)
    }
    says(`half done: ${difference(before, left).join(', ')}`, stands !== 'half')
    if (!isAlive) await this.#lives.begin()
    await this.#lives.doom({ in: 'nothing' })
    const retried = await this.#answer(order, key)
    const after = await standingAt(place)
    says(`the retry answers ${retried.status} ${retried.text}`, retried.status === seen.status)
    says(`the retry answers ${retried.text}`, JSON.stringify(shapeOf(retried.body)) === JSON.stringify(seen.shape))
    // What was on its way to MongoDB when its sender died may land after we have looked.
    const isLate = this.#kind === 'mongodb' && input.doom.in === 'time' && stands === 'nothing'
    says(`replayed: ${retried.isReplayed}`, isLate || retried.isReplayed === (stands !== 'nothing'))
    says('another answer than before', input.answer === undefined || input.answer.text === retried.text)
    says(
      `after the retry: ${difference(before, after).join(', ')}`,
      String(difference(before, after)) === String(seen.difference),
    )
    says('not one record, done', String(recorded(before, after)) === 'done')
    if (stands === 'all') says('the retry changed something', difference(left, after).length === 0)
    says('the answer names another token', this.#namesMade(retried, made(before, after, 'api-tokens')))
    await this.#mustRepeat({ order, key, retried, after, says })
    says('another count', (await this.#count()) - input.count === seen.more)
    says('the secret is not that of the token', !input.kase.hands || (await this.#opens(retried)))
  }

  async #mustRepeat(input: {
    readonly order: Order
    readonly key: string
    readonly retried: Answered
    readonly after: Standing
    readonly says: (what: string, isTrue: boolean) => void
  }): Promise<void> {
    const { order, key, retried, after, says } = input
    const again = await this.#answer(order, key)
    const now = await standingAt(this.#seeds.place)
    says(`the second retry answers ${again.text}`, again.isReplayed && again.text === retried.text)
    says('the second retry changed something', difference(after, now).length === 0 && recorded(after, now).length === 0)
  }

  #stateOf(
    left: Standing,
    { before, seen }: { before: Standing; seen: Reference },
  ): 'nothing' | 'all' | 'open' | 'half' {
    const done = difference(before, left)
    const record = recorded(before, left)
    if (done.length === 0 && record.length === 0) return 'nothing'
    if (String(done) === String(seen.difference) && String(record) === 'done') return 'all'
    return this.#kind === 'mongodb' && String(record) === 'open' ? 'open' : 'half'
  }

  /** Whether the token of an answer is the one that was made, where one was. */
  #namesMade({ body }: Answered, ids: readonly string[]): boolean {
    return ids.length === 0 || (ids.length === 1 && body.id === `tok_${ids[0]}`)
  }

  /** Whether the secret that an answer hands over is that of the token that it tells of, and lets its bearer in. */
  async #opens(answer: Answered): Promise<boolean> {
    const text = await secretOf(this.#lives, answer)
    if (text === undefined) return false
    allSecrets.push(text)
    return (await introspected(this.#lives, text, this.#seeds.verifier)) === answer.body.id
  }

  /** How many live credentials the inventory counts. */
  async #count(): Promise<number> {
    const seen = await this.#lives.ask({
      method: 'GET',
      path: '/api/v1/inventory?count=true&kind=api-token',
      as: this.#seeds.root,
    })
    return Number(/"count":\{"total":(\d+)/.exec(seen?.text ?? '')?.[1])
  }
}
