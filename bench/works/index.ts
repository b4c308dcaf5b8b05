/** The works with what each should reach (the issue "Speed: close to what the machine can do"). */

import type { WorkName } from './names.ts'
import { refreshers } from './refresh.ts'
import { clientCredentials, introspection, reading } from './repeated.ts'
import { signIns } from './sign-in.ts'
import type { Work } from './work.ts'

export { WORK_NAMES, type WorkName, workNamed } from './names.ts'
export type { Work, Yardstick } from './work.ts'

const DISCOVERY = '/.well-known/openid-configuration'

/** Paths that are compared with the bare server, which repeats what Mintmark answers there. */
export const CANNED_PATHS: readonly string[] = ['/jwks', DISCOVERY]

const stock = (work: WorkName) => [{ side: 'stock', work }] as const
const bareAndStock = (work: WorkName) =>
  [
    { side: 'bare', work },
    { side: 'stock', work },
  ] as const

const works: Readonly<Record<WorkName, Omit<Work, 'name'>>> = {
  'client-credentials-opaque': {
    title: 'client credentials, opaque',
    kind: 'write',
    yardsticks: stock('client-credentials-opaque'),
    goal: 1.6,
    storeMatters: true,
    prepare: clientCredentials('opaque'),
  },
  'client-credentials-jwt': {
    title: 'client credentials, ES256 JWT',
    kind: 'read',
    yardsticks: stock('client-credentials-jwt'),
    goal: 3,
    storeMatters: false,
    prepare: clientCredentials('jwt'),
  },
  refresh: {
    title: 'refresh with rotation',
    kind: 'write',
    yardsticks: stock('refresh'),
    goal: 1.6,
    storeMatters: true,
    prepare: refreshers,
  },
  'introspection-opaque': {
    title: 'introspection, opaque',
    kind: 'read',
    yardsticks: stock('introspection-opaque'),
    goal: 2.6,
    storeMatters: true,
    prepare: introspection('opaque'),
  },
  'introspection-jwt': {
    title: 'introspection, JWT',
    kind: 'read',
    yardsticks: stock('introspection-opaque'),
    goal: 2.6,
    storeMatters: true,
    prepare: introspection('jwt'),
  },
  'introspection-api-token': {
    title: 'introspection, API token',
    kind: 'read',
    yardsticks: stock('introspection-opaque'),
    goal: 2.6,
    storeMatters: true,
    prepare: introspection('api-token'),
  },
  jwks: {
    title: 'JWKS',
    kind: 'read',
    yardsticks: bareAndStock('jwks'),
    goal: 0.8,
    storeMatters: false,
    prepare: reading('/jwks'),
  },
  discovery: {
    title: 'discovery',
    kind: 'read',
    yardsticks: bareAndStock('discovery'),
    goal: 0.8,
    storeMatters: false,
    prepare: reading(DISCOVERY),
  },
  'sign-in': {
    title: 'code + PKCE sign-in flow',
    kind: 'write',
    yardsticks: stock('sign-in'),
    goal: 1.5,
    storeMatters: true,
    prepare: signIns,
  },
}

/** A work by its name. */
export const work = (name: WorkName): Work => ({ name, ...works[name] })
