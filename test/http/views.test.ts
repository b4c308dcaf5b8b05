/** Guarantees of the pages as HTML: every one renders, escapes what strangers wrote, and has nothing inline. */

import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { samplePages } from '../../scripts/preview-pages.ts'
import { libraryForm } from '../../src/http/library-form.ts'
import { ACCENTS, type Views } from '../../src/http/pages.ts'
import { createViews, duration } from '../../src/http/views.ts'

const directory = join(import.meta.dirname, '../../views')
const views = createViews({ directory, branding: { name: 'Mintmark' } })
const HOSTILE = '"><script>alert(1)</script><img src=x onerror=\'alert(2)\' style="x">&<%= 7*7 %>'
const xsrf = '<input type="hidden" name="xsrf" value="s3cret"/>'
const form = `<form id="op.logoutForm" method="post" action="/session/end/confirm">${xsrf}</form>`

function hostilePages(pages: Views): Readonly<Record<string, string>> {
  const client = { name: HOSTILE, host: HOSTILE }
  const own = { action: HOSTILE, csrf: HOSTILE }
  return {
    signIn: pages.signIn({ ...own, client, login: HOSTILE, error: { kind: 'wrong' } }),
    consent: pages.consent({
      ...own,
      client,
      account: HOSTILE,
      groups: [{ title: HOSTILE, audience: HOSTILE, scopes: [{ scope: HOSTILE, words: HOSTILE }] }],
      lifetimeSeconds: 60,
      offline: true,
      redirectHost: HOSTILE,
    }),
    deviceEntry: pages.deviceEntry({ form, userCode: HOSTILE, error: 'wrong' }),
    deviceConfirm: pages.deviceConfirm({
      form,
      client,
      userCode: HOSTILE,
      device: { network: HOSTILE, userAgent: HOSTILE },
    }),
    deviceDone: pages.deviceDone({ client }),
    signOut: pages.signOut({ form, client }),
    signedOut: pages.signedOut({ client }),
    error: pages.error({ title: HOSTILE, sentence: HOSTILE, hint: HOSTILE, code: HOSTILE, requestId: HOSTILE }),
    expired: pages.expired({ requestId: HOSTILE }),
    home: pages.home({
      issuer: HOSTILE,
      commands: [{ about: HOSTILE, command: HOSTILE }],
      links: [{ href: HOSTILE, title: HOSTILE, about: HOSTILE }],
    }),
  }
}

/** Tags without their attribute values: what is left in them is markup of ours. */
function tagsOf(html: string): readonly string[] {
  return (html.match(/<[^>]*>/g) ?? []).map((tag) => tag.replace(/"[^"]*"/g, '""'))
}

function count(html: string, pattern: RegExp): number {
  return html.match(pattern)?.length ?? 0
}

describe('pages', () => {
  for (const [name, html] of Object.entries({ ...samplePages(views), ...hostilePages(views) })) {
    it(`${name}: has one h1, a language, a title, landmarks and nothing undefined`, () => {
      assert.match(html, /^<!doctype html>\s*<html lang="en"/)
      assert.equal(count(html, /<h1>/g), 1)
      assert.equal(count(html, /<main>/g), 1)
      assert.match(html, /<title>[^<]+ · [^<]+<\/title>/)
      assert.doesNotMatch(html, /undefined|\[object|NaN/)
    })

    it(`${name}: has no script, style or handler inline, and loads nothing from elsewhere`, () => {
      for (const tag of tagsOf(html)) {
        assert.doesNotMatch(tag, /^<(script|style|iframe|object|embed|base)\b/i)
        assert.doesNotMatch(tag, /\s(on\w+|style|srcdoc)\s*=/i)
      }
      assert.doesNotMatch(html, /(?:src|<link[^>]*href)="(?!\/assets\/)/)
    })

    it(`${name}: gives each field a label and each form its token`, () => {
      for (const [, id] of html.matchAll(/<input id="([^"]+)"/g)) assert.ok(html.includes(`<label for="${id}">`))
      assert.equal(count(html, /<form /g), count(html, /<input type="hidden" name="(?:csrf|xsrf)" value="[^"]+">/g))
    })
  }

  it('escapes every value that a stranger may have written', () => {
    for (const html of Object.values(hostilePages(createViews({ directory, branding: { name: HOSTILE } })))) {
      assert.ok(!html.includes(HOSTILE))
      assert.ok(!html.includes('<script'))
      assert.ok(!html.includes('<img'))
      assert.ok(html.includes('&lt;%= 7*7 %&gt;'), 'a value is never compiled as a template')
      assert.ok(html.includes('&lt;script&gt;alert(1)&lt;/script&gt;'))
    }
  })

  it('prints no value raw in a template: only what layouts and partials made', () => {
    for (const file of globSync('**/*.eta', { cwd: directory })) {
      for (const [, what] of readFileSync(join(directory, file), 'utf8').matchAll(/<%~\s*(.*?)\s*%>/g)) {
        assert.match(what ?? '', /^(it\.body|include\('@partials\/[a-z]+'\))$/, file)
      }
    }
  })

  it('wears the accent and the name of its branding', () => {
    for (const accent of ACCENTS) {
      const html = createViews({ directory, branding: { name: 'Öresund Bank', accent } }).expired({})
      assert.ok(html.includes(`class="accent-${accent}"`))
      assert.match(html, /<span class="struck" aria-hidden="true">Ö<\/span>/)
      assert.match(views.asset('/assets/mintmark.css')?.body.toString() ?? '', new RegExp(`\\.accent-${accent} `))
    }
  })
})

describe('sign-in and consent pages', () => {
  const own = { action: '/interaction/u', csrf: 't0ken' }
  const client = { name: 'Larkspur', host: 'larkspur.example' }

  it('ties an error to the fields and says it aloud', () => {
    const html = views.signIn({ ...own, client, login: 'maria', error: { kind: 'wrong' } })
    assert.match(html, /role="alert" id="problem">The name or the password is wrong\./)
    assert.equal(count(html, /aria-describedby="problem"/g), 2)
    assert.match(html, /<title>Error: /)
    assert.match(html, /value="maria"/)
  })

  it('says how long to wait, and blames no field for it', () => {
    const html = views.signIn({ ...own, client, error: { kind: 'throttled', minutes: 12 } })
    assert.match(html, /Too many attempts\. Try again in 12 minutes\./)
    assert.doesNotMatch(html, /aria-invalid/)
  })

  it('offers a password manager what it looks for', () => {
    const html = views.signIn({ ...own, client })
    assert.match(html, /name="login"[^>]*autocomplete="username"/)
    assert.match(html, /name="password"[^>]*autocomplete="current-password"/)
  })

  it('makes signing in the first button, so that Enter never cancels', () => {
    const html = views.signIn({ ...own, client })
    assert.ok(html.indexOf('value="sign-in"') < html.indexOf('value="cancel" formnovalidate'))
  })

  it('tells at consent who asks, which account, for how long, while away, and where one goes', () => {
    const asked = {
      ...own,
      client,
      account: 'maria',
      groups: [],
      lifetimeSeconds: 1_209_600,
      redirectHost: 'larkspur.example',
    }
    assert.match(views.consent({ ...asked, offline: false }), /Up to 14 days, while you stay signed in/)
    assert.match(views.consent({ ...asked, offline: true }), /<strong>Yes<\/strong>, it keeps access/)
  })
})

describe('forms of the library', () => {
  it('take over id, address and hidden fields, with entities read back', () => {
    const taken = libraryForm(
      `<form id="op.deviceConfirmForm" method="post" action="/device">\n${xsrf}\n<input type="hidden" name="user_code" value="A&amp;&quot;B"/></form>`,
    )
    assert.deepEqual(taken, {
      id: 'op.deviceConfirmForm',
      action: '/device',
      hidden: [
        { name: 'xsrf', value: 's3cret' },
        { name: 'user_code', value: 'A&"B' },
      ],
    })
  })

  it('are refused without a token', () => {
    assert.throws(() => libraryForm('<form id="a" action="/b"></form>'), TypeError)
    assert.throws(() => views.signOut({ form: '' }), TypeError)
  })

  it('keep both answers to a sign-out on the form', () => {
    const html = views.signOut({ form })
    assert.match(html, /form="op\.logoutForm" name="logout" value="yes">Sign out</)
    assert.match(html, /form="op\.logoutForm">Stay signed in</)
  })
})

describe('assets and words', () => {
  it('serve the known files with type and entity tag, and nothing else', () => {
    assert.equal(views.asset('/assets/mintmark.css')?.type, 'text/css; charset=utf-8')
    assert.match(views.asset('/assets/mark.svg')?.etag ?? '', /^"[\w-]{22}"$/)
    for (const path of [
      '/assets/',
      '/assets/../layout.eta',
      '/assets/%2e%2e/layout.eta',
      '/assets/__proto__',
      'mintmark.css',
      '/assets/mintmark.css/',
      '/layout.eta',
    ])
      assert.equal(views.asset(path), undefined, path)
  })

  it('have drawings without script, style or reference to elsewhere', () => {
    for (const name of ['mark', 'coin', 'favicon']) {
      assert.doesNotMatch(
        views.asset(`/assets/${name}.svg`)?.body.toString() ?? '<script',
        /<script|<style|style=|\son\w+=|href="[^#]/,
      )
    }
  })

  it('name a length of time in its largest unit', () => {
    assert.deepEqual([45, 60, 300, 3600, 1_209_600, 31_536_000].map(duration), [
      '45 seconds',
      '1 minute',
      '5 minutes',
      '1 hour',
      '14 days',
      '1 year',
    ])
  })
})
