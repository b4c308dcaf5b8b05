/** `POST /leaks/revoke` and `POST /leaks/github`: parse, queue, answer. */

import { createHash } from 'node:crypto'
import type Koa from 'koa'
import type { Throttle } from '../accounts/index.ts'
import { Refusal } from '../base/index.ts'
import { networkOf, readBody, sendRefusal } from '../http/index.ts'
import { refuse } from './errors.ts'
import type { Reporter } from './github.ts'
import { hashed, type IntakeDeps, parseReport, parseSignedReport, queue, REPORT_BYTES_MAX } from './intake.ts'
import type { Reported } from './records.ts'

export const REPORT_PATH = '/leaks/revoke'
export const SIGNED_REPORT_PATH = '/leaks/github'

/** The same bytes for every report that can be read. */
const ACCEPTED = JSON.stringify({ status: 'accepted' })

/** What the routes use. */
export interface RouteDeps extends IntakeDeps {
  /** Counts reports; it makes wait from its limit on. */
  readonly reports: Throttle
  /** Counts signatures that were wrong. */
  readonly wrongSignatures: Throttle
  readonly reporter: Reporter | undefined
  /** Whether it is one of ours. For reporters who are known. */
  readonly exists: (one: Reported) => Promise<boolean>
}

/** Counts first, then looks: of any number at once no more than the limit pass. */
async function counted(throttle: Throttle, ctx: Koa.Context, network: string): Promise<void> {
  let wait = await throttle.waitSeconds(network)
  if (wait === 0) {
    await throttle.fail(network)
    wait = await throttle.waitSeconds(network)
  }
  if (wait === 0) return
  ctx.set('Retry-After', String(wait))
  throw refuse('too_many_reports', { network })
}

/** Answers the two routes. */
export function createRoutes(deps: RouteDeps) {
  async function unsigned(ctx: Koa.Context, address: string): Promise<void> {
    await counted(deps.reports, ctx, networkOf(address))
    const tokens = parseReport(await readBody(ctx.req, REPORT_BYTES_MAX))
    const entries = tokens.map((token) => ({ token, seenAt: null }))
    await queue(deps, { by: 'leak report', reported: await hashed(deps, entries) })
    ctx.status = 202
    ctx.type = 'json'
    ctx.body = ACCEPTED
  }

  async function checked(reporter: Reporter, ctx: Koa.Context, address: string): Promise<Buffer> {
    const [id, signature] = [ctx.get('Github-Public-Key-Identifier'), ctx.get('Github-Public-Key-Signature')]
    const network = networkOf(address)
    const wait = await deps.wrongSignatures.waitSeconds(network)
    if (wait > 0) {
      ctx.set('Retry-After', String(wait))
      throw refuse('too_many_reports', { network })
    }
    if (!id || !signature) throw refuse('bad_signature')
    const body = await readBody(ctx.req, REPORT_BYTES_MAX)
    try {
      await reporter.check({ id, signature, body })
    } catch (cause) {
      if (cause instanceof Refusal && cause.code === 'bad_signature') await deps.wrongSignatures.fail(network)
      throw cause
    }
    return body
  }

  async function signed(
    ctx: Koa.Context,
    input: { readonly reporter: Reporter; readonly address: string },
  ): Promise<void> {
    const entries = parseSignedReport(await checked(input.reporter, ctx, input.address))
    const reported = await hashed(
      deps,
      entries.map(({ token, url }) => ({ token, seenAt: url ?? null })),
    )
    // The reporter is known, so it may hear what was ours; it had the texts anyway.
    const labels = await Promise.all(reported.map(deps.exists))
    await queue(deps, { by: 'leak report by GitHub', reported })
    ctx.status = 200
    ctx.body = entries.map(({ token, type }, n) => ({
      token_hash: createHash('sha256').update(token).digest('hex'),
      token_type: type,
      label: labels[n] ? 'true_positive' : 'false_positive',
    }))
  }

  return async (ctx: Koa.Context, address: string): Promise<boolean> => {
    const reporter = ctx.path === SIGNED_REPORT_PATH ? deps.reporter : undefined
    if (ctx.path !== REPORT_PATH && !reporter) return false
    ctx.set('Cache-Control', 'no-store')
    try {
      if (ctx.method !== 'POST') throw refuse('method_not_allowed')
      await (reporter ? signed(ctx, { reporter, address }) : unsigned(ctx, address))
    } catch (cause) {
      sendRefusal(ctx, cause, 'POST')
    }
    return true
  }
}
