/**
 * The demonstration: a web app that signs a person in by OpenID Connect (openid-client), and a small API that verifies the
 * app's access token through the issuer's JWKS. Two servers on loopback, so that what travels between them can be seen.
 */

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oidc from 'openid-client'
import { page, stylesheet } from './page.ts'

const issuer = process.env.ISSUER ?? 'http://localhost:3000'
const appPort = Number(process.env.DEMO_PORT ?? 3001)
const apiPort = Number(process.env.DEMO_API_PORT ?? 3002)
const app = `http://localhost:${appPort}`
const api = `http://localhost:${apiPort}`
const AUDIENCE = 'urn:mintmark:demo-api'
const SCOPE = 'openid profile offline_access demo.read'

/** What the app remembers of a browser. In memory: this is a demonstration. */
interface Remembered {
  readonly verifier: string
  readonly state: string
  tokens?: {
    readonly access: string
    readonly refresh: string | undefined
    readonly id: string | undefined
    readonly name: string
  }
}

const browsers = new Map<string, Remembered>()

function cookieOf(req: IncomingMessage): string {
  return /(?:^|; )demo=([\w-]{20,64})/.exec(req.headers.cookie ?? '')?.[1] ?? ''
}

function redirect(res: ServerResponse, to: string | URL, cookie?: string): void {
  res
    .writeHead(303, {
      location: String(to),
      ...(cookie === undefined ? {} : { 'set-cookie': `demo=${cookie}; HttpOnly; SameSite=Lax; Path=/` }),
    })
    .end()
}

async function signIn(config: oidc.Configuration, res: ServerResponse): Promise<void> {
  const id = oidc.randomState()
  const verifier = oidc.randomPKCECodeVerifier()
  const state = oidc.randomState()
  browsers.set(id, { verifier, state })
  const to = oidc.buildAuthorizationUrl(config, {
    redirect_uri: `${app}/callback`,
    scope: SCOPE,
    resource: AUDIENCE,
    prompt: 'consent',
    state,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  redirect(res, to, id)
}

async function callback(config: oidc.Configuration, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const remembered = browsers.get(cookieOf(req))
  if (!remembered) return redirect(res, '/')
  const tokens = await oidc.authorizationCodeGrant(
    config,
    new URL(req.url ?? '', app),
    { pkceCodeVerifier: remembered.verifier, expectedState: remembered.state },
    { resource: AUDIENCE },
  )
  const claims = tokens.claims()
  remembered.tokens = {
    access: tokens.access_token,
    refresh: tokens.refresh_token,
    id: tokens.id_token,
    name: String(claims?.preferred_username ?? claims?.name ?? claims?.sub),
  }
  redirect(res, '/')
}

async function home(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const tokens = browsers.get(cookieOf(req))?.tokens
  const answer = tokens
    ? await fetch(`${api}/greeting`, { headers: { authorization: `Bearer ${tokens.access}` } })
    : undefined
  const html = page({
    issuer,
    name: tokens?.name,
    status: answer?.status,
    answer: answer ? JSON.stringify(await answer.json(), null, 2) : undefined,
    refreshes: Boolean(tokens?.refresh),
  })
  res
    .writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': "default-src 'none'; style-src 'self'",
    })
    .end(html)
}

async function refreshed(config: oidc.Configuration, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const remembered = browsers.get(cookieOf(req))
  if (remembered?.tokens?.refresh) {
    const tokens = await oidc.refreshTokenGrant(config, remembered.tokens.refresh, { resource: AUDIENCE })
    remembered.tokens = {
      ...remembered.tokens,
      access: tokens.access_token,
      refresh: tokens.refresh_token ?? remembered.tokens.refresh,
    }
  }
  redirect(res, '/')
}

function signOut(config: oidc.Configuration, req: IncomingMessage, res: ServerResponse): void {
  const id = browsers.get(cookieOf(req))?.tokens?.id
  browsers.delete(cookieOf(req))
  redirect(
    res,
    oidc.buildEndSessionUrl(config, { post_logout_redirect_uri: `${app}/`, ...(id ? { id_token_hint: id } : {}) }),
    '',
  )
}

/** The API: it knows the issuer and its own name, and nothing else about anyone. */
function startApi(jwks: ReturnType<typeof createRemoteJWKSet>): void {
  createServer((req, res) => {
    const token = /^Bearer (\S+)$/.exec(req.headers.authorization ?? '')?.[1] ?? ''
    void jwtVerify(token, jwks, { issuer, audience: AUDIENCE, typ: 'at+jwt' })
      .then(
        ({ payload }) => ({
          status: 200,
          body: {
            greeting: 'The API has verified your token by itself.',
            sub: payload.sub,
            scope: payload.scope,
            client: payload.client_id,
            expires: new Date(Number(payload.exp) * 1000).toISOString(),
          },
        }),
        () => ({ status: 401, body: { error: 'invalid_token' } }),
      )
      .then(({ status, body }) =>
        res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body)),
      )
  }).listen(apiPort, '127.0.0.1')
}

async function discovered(): Promise<oidc.Configuration> {
  try {
    return await oidc.discovery(new URL(issuer), 'demo-web', undefined, oidc.None(), {
      execute: [oidc.allowInsecureRequests],
    })
  } catch (cause) {
    throw new Error(`Mintmark does not answer at ${issuer}; start it first with npm start`, { cause })
  }
}

async function main(): Promise<void> {
  const config = await discovered()
  startApi(createRemoteJWKSet(new URL(String(config.serverMetadata().jwks_uri))))
  createServer((req, res) => {
    const path = new URL(req.url ?? '/', app).pathname
    const work = async (): Promise<void> => {
      switch (`${req.method} ${path}`) {
        case 'GET /':
          return home(req, res)
        case 'GET /style.css':
          return void res.writeHead(200, { 'content-type': 'text/css' }).end(stylesheet)
        case 'POST /sign-in':
          return signIn(config, res)
        case 'GET /callback':
          return callback(config, req, res)
        case 'POST /refresh':
          return refreshed(config, req, res)
        case 'POST /sign-out':
          return signOut(config, req, res)
        default:
          res.writeHead(404).end('There is nothing here.')
      }
    }
    work().catch((cause: unknown) => {
      // What went wrong between app and issuer is for the developer who watches this terminal.
      process.stderr.write(`${cause instanceof Error ? cause.message : String(cause)}\n`)
      if (!res.headersSent)
        res.writeHead(400, {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': "default-src 'none'; style-src 'self'",
        })
      res.end(page({ issuer, problem: 'The sign-in did not come to an end. Start again.' }))
    })
  }).listen(appPort, '127.0.0.1', () =>
    process.stdout.write(`\n  The demonstration is at ${app} and its API at ${api}.\n\n`),
  )
}

main().catch((cause: unknown) => {
  process.stderr.write(`\n  ${cause instanceof Error ? cause.message : String(cause)}\n\n`)
  process.exitCode = 1
})
