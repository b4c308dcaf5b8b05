/** The play: chapters of generated requests for one lane, each on a copy of the furnished stage; now and then what a request would have written is written. */

import type { Cast } from './cast.ts'
import { Chance } from './chance.ts'
import { deeds } from './deeds.ts'
import { type Exchange, Exchanger } from './exchange.ts'
import type { Stage } from './furnish.ts'
import { differenceInGathered } from './gathered.ts'
import { generated, stirring } from './generate.ts'
import type { LaneName } from './lanes.ts'
import { smallest } from './shrink.ts'
import { plainGet, type Spec, told } from './spec.ts'
import { clock } from './time.ts'
import { isRecord } from './told.ts'

/** What is played. */
export interface Play {
  readonly lane: LaneName
  readonly requests: number
  readonly seed: string
  /** The first one. */
  readonly chapter: number
  /** Stops at the first difference. */
  readonly first: boolean
}

/** A difference that was found. */
export interface Finding {
  readonly chapter: number
  readonly difference: string
  readonly request: string
}

/** What came of it. */
export interface Played {
  readonly lane: LaneName
  readonly requests: number
  /** Those that the lane answered. */
  readonly taken: number
  /** Units that were applied. */
  readonly applied: number
  readonly statuses: Readonly<Record<string, number>>
  readonly differences: number
  /** The first of each kind. */
  readonly findings: readonly Finding[]
}

const CHAPTER = 100
const CHAPTER_MS = 60_000
const FINDINGS_MAX = 12
/** Requests that change the stage before those that only ask. */
const STIRS = 10

/** What a good answer adds to what players have. */
function learn({ rig }: Stage, cast: Cast, spec: Spec, body: Buffer): void {
  const parsed: unknown = body.length === 0 ? undefined : JSON.parse(body.toString())
  if (!isRecord(parsed)) return
  const { access_token: access, refresh_token: refreshed } = parsed
  const client = spec.client ?? spec.family?.split(' ')[0] ?? 'basic'
  const n = cast.tokens.length
  if (typeof access === 'string' && cast.nameOf(access) === undefined) {
    const kind = access.startsWith('mm_at') ? 'access' : access.startsWith('mm_cc') ? 'machine' : 'jwt'
    cast.addToken({ text: access, kind, client, bound: spec.dpop?.key }, `played ${kind} ${n}`)
  }
  if (typeof refreshed !== 'string') return
  const of = rig.library.app.seal.read('rt', refreshed)?.family
  const family = cast.families.find(({ text }) => text === of)
  if (!family || family.head === refreshed) return
  family.past.push(family.head)
  family.head = refreshed
  cast.name(refreshed, `refresh token ${family.past.length + 1} of ${family.label}`)
}

/** A difference without what is particular to one request, to tell kinds apart. */
const kindOf = (difference: string): string => (difference.split(': ')[0] ?? '').replace(/\d+/g, '*').slice(0, 160)

/** Plays one lane. */
class Player {
  readonly #stage: Stage
  readonly #play: Play
  readonly #exchanger: Exchanger
  readonly #etags: string[] = []
  readonly #statuses: Record<string, number> = {}
  readonly #kinds = new Set<string>()
  readonly #findings: Finding[] = []
  #taken = 0
  #applied = 0
  #differences = 0
  #requests = 0

  constructor(stage: Stage, play: Play) {
    this.#stage = stage
    this.#play = play
    this.#exchanger = new Exchanger(stage)
  }

  async #readEtags(): Promise<void> {
    for (const path of ['/jwks', '/.well-known/openid-configuration']) {
      const { library } = await this.#exchanger.send(plainGet(path), this.#stage.cast)
      const etag = library.heard.answers[0]?.headers.find(([name]) => name === 'etag')?.[1]
      if (etag) this.#etags.push(etag, `W/${etag}`)
    }
  }

  /** Applies what one of the two would have written. */
  async #apply({ lanes, library }: Exchange, spec: Spec, cast: Cast, chance: Chance): Promise<void> {
    const { commits, heard } = chance.pick([lanes, library])
    const [unit] = commits
    const [answer] = heard.answers
    if (!unit || !answer || spec.weather !== 'fair' || spec.times > 1) return
    await this.#stage.rig.held.now.commit({ ...unit, events: [] })
    this.#applied++
    if (answer.status === 200) learn(this.#stage, cast, spec, answer.body)
    clock.forward(1100)
  }

  /** Keeps a finding; the first of each kind are enough. */
  #note(chapter: number, difference: string, request: string): void {
    this.#kinds.add(kindOf(difference))
    this.#findings.push({ chapter, difference: this.#stage.cast.told(difference), request })
  }

  async #report(spec: Spec, cast: Cast, difference: string, chapter: number): Promise<void> {
    this.#differences++
    if (this.#kinds.has(kindOf(difference)) || this.#findings.length >= FINDINGS_MAX) return
    this.#kinds.add(kindOf(difference))
    const again = async (other: Spec): Promise<boolean> =>
      (await this.#exchanger.send(other, cast)).difference !== undefined
    const small = await smallest(spec, again)
    const { difference: at = difference } = await this.#exchanger.send(small, cast)
    this.#note(chapter, at, told(small, cast))
  }

  async #one(cast: Cast, chance: Chance, chapter: number): Promise<void> {
    clock.forward(chance.weigh([60, 0], [38, chance.below(300)], [2, chance.below(15_000)]))
    const wish = generated(this.#play.lane, { cast, chance, etags: this.#etags })
    // Of several at once nobody says which meets the rival; and what node itself says comes between the answers.
    const isAlone = wish.weather !== 'fair' || wish.headers.some(([name]) => /^(connection|expect)$/i.test(name))
    const spec: Spec = isAlone ? { ...wish, times: 1 } : wish
    const exchange = await this.#exchanger.send(spec, cast)
    this.#requests++
    if (exchange.lanes.isTaken) this.#taken++
    const status = String(exchange.library.heard.answers.at(-1)?.status ?? 'none')
    this.#statuses[status] = (this.#statuses[status] ?? 0) + 1
    if (exchange.difference !== undefined) await this.#report(spec, cast, exchange.difference, chapter)
    else if (chance.is(0.2)) await this.#apply(exchange, spec, cast, chance)
  }

  async #chapter(chapter: number, requests: number): Promise<void> {
    const { held } = this.#stage.rig
    const { lane, seed } = this.#play
    const chance = new Chance(seed, lane, chapter)
    const before = held.now
    const cast = this.#stage.cast.copy()
    held.now = before.copy()
    clock.forward(2000)
    await deeds(this.#stage, cast, chance)
    if (lane === 'introspection' || lane === 'userinfo')
      for (let n = 0; n < STIRS; n++) {
        const spec = stirring(cast, chance)
        await this.#apply(await this.#exchanger.send(spec, cast), spec, cast, chance)
      }
    for (let n = 0; n < requests; n++) {
      await this.#one(cast, chance, chapter)
      if (this.#play.first && this.#differences > 0) break
    }
    const difference = await differenceInGathered(this.#stage)
    if (difference !== undefined) {
      this.#differences++
      this.#note(chapter, difference, 'What was gathered beside the requests of the chapter.')
    }
    held.now = before
  }

  async play(): Promise<Played> {
    const { lane, requests, chapter: from, first } = this.#play
    await this.#readEtags()
    const start = clock.now()
    for (let n = 0; n * CHAPTER < requests && !(first && this.#differences > 0); n++) {
      clock.to(start + n * CHAPTER_MS)
      await this.#chapter(from + n, Math.min(CHAPTER, requests - n * CHAPTER))
    }
    return {
      lane,
      requests: this.#requests,
      taken: this.#taken,
      applied: this.#applied,
      statuses: this.#statuses,
      differences: this.#differences,
      findings: this.#findings,
    }
  }
}

/** Plays it. */
export const played = (stage: Stage, play: Play): Promise<Played> => new Player(stage, play).play()
