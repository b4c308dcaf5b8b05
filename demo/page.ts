/** The demonstration's one page. */

const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`)

/** What the page shows. */
export interface Shown {
  readonly issuer: string
  readonly name?: string | undefined
  readonly status?: number | undefined
  readonly answer?: string | undefined
  readonly refreshes?: boolean
  readonly problem?: string
}

const button = (action: string, text: string): string =>
  `<form method="post" action="${action}"><button>${text}</button></form>`

/** The page's HTML. */
export function page({ issuer, name, status, answer, refreshes, problem }: Shown): string {
  const body = problem
    ? `<h1>That did not work</h1><p role="alert">${escaped(problem)}</p>${button('/sign-in', 'Sign in with Mintmark')}`
    : name === undefined
      ? `<h1>A small app</h1><p>It knows nobody yet. Its people sign in at <code>${escaped(issuer)}</code>.</p>${button('/sign-in', 'Sign in with Mintmark')}`
      : `<h1>Hello, ${escaped(name)}</h1><p>The app called its API with your access token. The API answered <strong>${status}</strong>:</p><pre id="answer">${escaped(answer ?? '')}</pre>${refreshes ? button('/refresh', 'Get a fresh token') : ''}${button('/sign-out', 'Sign out')}`
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Demonstration app</title><link rel="stylesheet" href="/style.css"></head><body><main>${body}</main></body></html>`
}

export const stylesheet = `:root{color-scheme:light dark}body{font:18px/1.6 system-ui,sans-serif;margin:0;display:grid;min-height:100vh;place-items:center}main{max-width:34rem;padding:2rem}
pre{background:light-dark(#eef4f1,#1b2622);padding:1rem;border-radius:8px;overflow:auto;font-size:.85rem}button{font:inherit;font-weight:600;padding:.6rem 1.1rem;border-radius:8px;border:1px solid light-dark(#0f6b4f,#6fd3a8);background:transparent;color:inherit;cursor:pointer;margin:.3rem 0}form{display:inline-block;margin-right:.6rem}`
