/**
 * Stock `oidc-provider` with its adapter in memory, as its README starts it: a static client, ES256, the features that the bench asks.
 * Its sign-in pages are the least that a person could use, so that both sides answer the same number of requests.
 */

import { generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import { Provider } from 'oidc-provider'
import type { Running, SideOrder } from './protocol.ts'
import { API, CLIENT, PASSWORD, PERSON, REDIRECT, SCOPE, SECRET } from './shared.ts'

const clients = [
  {
    client_id: CLIENT,
    client_secret: SECRET,
    grant_types: ['client_credentials', 'authorization_code', 'refresh_token'],
    redirect_uris: [REDIRECT],
    id_token_signed_response_alg: 'ES256' as const,
  },
]

function provider(issuer: string): Provider {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return new Provider(issuer, {
    clients,
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig' }] },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: async () => true },
      resourceIndicators: {
        enabled: true,
        defaultResource: async (_ctx, _client, oneOf) => oneOf ?? [],
        getResourceServerInfo: async () => ({
          scope: 'read',
          audience: API,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    rotateRefreshToken: true,
    findAccount: async (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub }) }),
    interactions: { url: (_ctx, interaction) => `/agree/${interaction.uid}` },
  })
}

const page = (path: string, fields: string): string =>
  `<!doctype html><form method="post" action="${path}"><input type="hidden" name="csrf" value="none">${fields}</form>`

async function formOf(req: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of req) chunks.push(chunk)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

/** Pages as the library's own example has them: details for the page, details again and a result for the form. */
function addPages(stock: Provider): void {
  stock.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/agree/')) return next()
    const { prompt, params, session } = await stock.interactionDetails(ctx.req, ctx.res)
    if (ctx.method === 'GET') {
      ctx.type = 'html'
      ctx.body = page(ctx.path, prompt.name === 'login' ? '<input name="login"><input name="password">' : '')
      return
    }
    const form = await formOf(ctx.req)
    if (prompt.name === 'login' && form.get('password') !== PASSWORD) ctx.throw(400)
    const grant = new stock.Grant({ accountId: session?.accountId ?? PERSON, clientId: String(params.client_id) })
    grant.addOIDCScope(SCOPE)
    const result =
      prompt.name === 'login'
        ? { login: { accountId: form.get('login') ?? PERSON } }
        : { consent: { grantId: await grant.save() } }
    ctx.status = 303
    ctx.redirect(await stock.interactionResult(ctx.req, ctx.res, result))
  })
}

/** Starts it. */
export async function startStock({ port }: SideOrder): Promise<Running> {
  const stock = provider(`http://localhost:${port}`)
  addPages(stock)
  const server = createServer(stock.callback())
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done))
  return { apiTokens: [], stop: async () => void server.close() }
}
