/** Rotation as clients and operators see it: windows, repeats, late duplicates, policies, shadows, holds, lifetimes; on both stores. */

import assert from 'node:assert/strict'
import type { ConfigurationInput } from '../../src/config/index.ts'
import { idle, maxAge, type OnChange, onNetworkChange } from '../../src/rotation/index.ts'
import { type Answer, Browser, codeFor, isActive, post, redeem, refresh, text } from '../support/browser.ts'
import { type Furniture, furnish, openWorld, STORES, type StoreKind, type World } from '../support/world.ts'

type Rotation = NonNullable<ConfigurationInput['rotation']>

interface Scene {
  readonly world: World
  readonly has: Furniture
  readonly first: Answer
  readonly token: string
  use(token: string, more?: Readonly<Record<string, string>>): Promise<Answer>
  /** What the record says, of a type. */
  told(
    type: 'rotation.decided' | 'refresh_token.replayed' | 'refresh_token.late',
  ): Promise<readonly Readonly<Record<string, unknown>>[]>
  family(): Promise<Readonly<Record<string, unknown>>>
}

async function onStage(
  kind: StoreKind,
  rotation: Rotation,
  play: (scene: Scene) => Promise<void>,
  scope?: string,
): Promise<void> {
  const world = await openWorld(kind, { rotation })
  try {
    const has = await furnish(world)
    const first = await redeem(world, has.web, await codeFor(world, new Browser(world), scope ? { scope } : {}))
    await play({
      world,
      has,
      first,
      token: text(first, 'refresh_token'),
      use: (token, more) => refresh(world, has.web, token, more),
      async told(type) {
        await world.app.background.stop()
        await world.app.relay.drain()
        return (await world.app.eventLog.latest({ type, last: 100 })).map((event) => ({ ...event }))
      },
      async family() {
        const [one] = await world.app.oidc.families.list('web', { ended: true })
        assert.ok(one)
        return { ...one }
      },
    })
  } finally {
    await world.close()
  }
}

const refused = (answer: Answer): void => assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_grant'])

for (const kind of STORES) {
  describe(`receipts on ${kind}`, () => {
    it("have a client's own window", () =>
      onStage(kind, [], async ({ world, token, use }) => {
        await world.app.clients.set('web', { graceSeconds: 30 })
        const next = text(await use(token), 'refresh_token')
        world.clock.forward(29)
        assert.equal(text(await use(token), 'refresh_token'), next)
        world.clock.forward(2)
        refused(await use(token))
        refused(await use(next))
        await assert.rejects(world.app.clients.set('web', { graceSeconds: 61 }), /0 to 60/)
      }))

    it('are not given at all where the window is 0', () =>
      onStage(kind, [], async ({ world, token, use }) => {
        await world.app.clients.set('web', { graceSeconds: 0 })
        const next = text(await use(token), 'refresh_token')
        refused(await use(token))
        refused(await use(next))
      }))

    it('count repeats, and stop at the limit without ending the family', () =>
      onStage(kind, [], async ({ world, token, use }) => {
        await world.app.clients.set('web', { repeatsMax: 2 })
        const next = text(await use(token), 'refresh_token')
        for (let n = 0; n < 2; n++) assert.equal(text(await use(token), 'refresh_token'), next)
        refused(await use(token))
        assert.equal((await use(next)).status, 200)
      }))

    it('are over when the successor is used: a late duplicate is refused, and nobody is signed out', () =>
      onStage(kind, [], async ({ world, first, has, token, use, told }) => {
        const second = text(await use(token), 'refresh_token')
        const third = text(await use(second), 'refresh_token')
        refused(await use(token))
        assert.equal(await isActive(world, has.web, text(first, 'access_token')), true)
        assert.equal((await use(third)).status, 200)
        assert.equal((await told('refresh_token.late')).length, 1)
      }))

    it('give way to a replay after the window, told with who, where and when', () =>
      onStage(kind, [], async ({ world, has, token, use, told }) => {
        const second = text(await use(token), 'refresh_token')
        await use(second)
        world.clock.forward(11)
        refused(await use(token))
        const [event, ...others] = await told('refresh_token.replayed')
        assert.equal(others.length, 0)
        assert.deepEqual([event?.client_id, event?.account, event?.network], ['web', has.person.sub, '127.0.0.0/24'])
        assert.ok(Number(event?.rotated_at) > 0 && Date.parse(String(event?.at)) > 0)
      }))
  })

  describe(`policies on ${kind}`, () => {
    it('keep a token where they say so, and a shadowed one only says what it would have done', () => {
      const keep = { name: 'mild', policy: () => ({ do: 'keep', why: 'fine' }) as const }
      const strict = { name: 'strict', shadow: true, policy: () => ({ do: 'revoke', why: 'too old' }) as const }
      return onStage(kind, [keep, strict], async ({ token, use, told }) => {
        for (let n = 0; n < 3; n++) assert.equal(text(await use(token), 'refresh_token'), token)
        const decided = await told('rotation.decided')
        assert.equal(decided.length, 3)
        assert.deepEqual([decided[0]?.do, decided[0]?.shadow], ['keep', { do: 'revoke', why: 'strict: too old' }])
      })
    })

    it('that throw, never settle or say nonsense break no refresh, and the record says why', () => {
      const bad: Rotation = [
        () => {
          throw new Error('boom')
        },
        () => new Promise(() => {}),
        () => JSON.parse('{"do":"perhaps"}'),
      ]
      return onStage(kind, bad, async ({ token, use, told }) => {
        assert.notEqual(text(await use(token), 'refresh_token'), token)
        const [decided] = await told('rotation.decided')
        assert.equal(decided?.do, 'rotate')
        const opinions = JSON.stringify(decided?.opinions)
        for (const words of ['threw: boom', 'did not answer within 50 ms', 'said no decision'])
          assert.ok(opinions.includes(words), words)
      })
    })

    it('deny without changing anything', () => {
      let deny = true
      return onStage(kind, [() => (deny ? { do: 'deny' } : { do: 'keep' })], async ({ token, use, family }) => {
        refused(await use(token))
        assert.deepEqual([(await family()).state, (await family()).refreshes], ['live', 0])
        deny = false
        assert.equal((await use(token)).status, 200)
      })
    })

    it('hold a family until a release: stepUp its refreshes, quarantine its access tokens too', () => {
      let say: 'stepUp' | 'quarantine' | 'keep' = 'stepUp'
      return onStage(kind, [() => ({ do: say })], async ({ world, has, first, token, use, family }) => {
        const active = () => isActive(world, has.web, text(first, 'access_token'))
        const { id } = await family()
        assert.match(String(id), /^fam_/, 'no id that a command line takes for an option')
        refused(await use(token))
        assert.deepEqual([(await family()).state, await active()], ['step_up', true])
        await world.app.oidc.families.release(String(id))
        say = 'quarantine'
        refused(await use(token))
        assert.deepEqual(
          [(await family()).state, await active(), await isActive(world, has.web, token)],
          ['quarantined', false, false],
        )
        say = 'keep'
        refused(await use(token))
        await world.app.oidc.families.release(String(id))
        assert.deepEqual([(await use(token)).status, await active()], [200, true])
        await assert.rejects(world.app.oidc.families.release(String(id)), /not held/)
      })
    })

    it('end a family, and an administrator does', () =>
      onStage(kind, [maxAge('1h')], async ({ world, has, first, token, use, family }) => {
        world.clock.forward(3601)
        refused(await use(token))
        assert.equal((await family()).state, 'revoked')
        assert.equal(await isActive(world, has.web, text(first, 'access_token')), false)
        const other = text(await redeem(world, has.web, await codeFor(world, new Browser(world))), 'refresh_token')
        const live = (await world.app.oidc.families.list('web', { ended: false })).map(({ id }) => id)
        assert.equal(live.length, 1)
        await world.app.oidc.families.revoke(live[0] ?? '')
        refused(await use(other))
        await assert.rejects(world.app.oidc.families.revoke(live[0] ?? ''), /no live family/)
      }))

    it('narrow scopes for good, never widen them', () => {
      const rotation: Rotation = [() => ({ do: 'rotate', scopes: ['offline_access', 'openid', 'read', 'admin'] })]
      return onStage(
        kind,
        rotation,
        async ({ token, use }) => {
          const narrowed = await use(token)
          assert.deepEqual(String(narrowed.body.scope).split(' ').sort(), ['openid'].concat('offline_access').sort())
          const wider = await use(text(narrowed, 'refresh_token'), { scope: 'profile' })
          assert.equal(wider.status, 400)
        },
        'openid profile offline_access',
      )
    })

    it('see a change of network', () => {
      const on: OnChange = { do: 'quarantine' }
      return onStage(kind, [onNetworkChange(on)], async ({ token, use, told }) => {
        const next = text(await use(token), 'refresh_token')
        assert.equal((await use(next)).status, 200)
        const decided = await told('rotation.decided')
        const facts = JSON.parse(JSON.stringify(decided.at(-1)?.facts))
        assert.deepEqual([facts.credential.last.network, facts.request.network], ['127.0.0.0/24', '127.0.0.0/24'])
      })
    })
  })

  describe(`two lifetimes on ${kind}`, () => {
    it('are separate, seen at introspection, and survive rotation', () =>
      onStage(kind, [idle('1h')], async ({ world, has, token, use }) => {
        const look = async (of: string) =>
          (await post(world, '/token/introspection', { token: of }, ['web', has.web])).body
        const before = await look(token)
        world.clock.forward(600)
        const next = text(await use(token), 'refresh_token')
        const after = await look(next)
        assert.equal(after.absolute_expires_at, before.absolute_expires_at)
        const now = Math.floor(world.clock.now() / 1000)
        assert.ok(Math.abs(Number(after.idle_expires_at) - (now + 3600)) <= 2, 'the policy shortens the idle lifetime')
        assert.ok(Number(before.idle_expires_at) > now + 86_400, 'the deployment gives fourteen days')
        assert.equal((await look(token)).active, false)
        world.clock.forward(3602)
        refused(await use(next))
      }))
  })
}
