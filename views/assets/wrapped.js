// Opens a wrapped secret in the browser. The key stands in the fragment, which no browser sends; what is sent is a proof derived from it.
// src/handover/wrap.ts derives the same.

const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
const textOf = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
const utf8 = (text) => new TextEncoder().encode(text)
const part = (id) => document.getElementById(id)

const id = location.pathname.split('/').at(-1)
const key = location.hash.slice(1)
// One for this page: a retry whose answer was lost is not a second opening.
const attempt = textOf(crypto.getRandomValues(new Uint8Array(16)))

function fail(words) {
  const problem = part('problem')
  problem.textContent = words
  problem.hidden = false
}

async function derived(what) {
  const material = await crypto.subtle.importKey('raw', bytesOf(key), 'HKDF', false, ['deriveBits'])
  const info = utf8(`mintmark wrapped ${what}`)
  return crypto.subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: utf8(id), info }, material, 256)
}

async function opened(ciphertext) {
  const bytes = bytesOf(ciphertext)
  const content = await crypto.subtle.importKey('raw', await derived('content'), 'AES-GCM', false, ['decrypt'])
  const how = { name: 'AES-GCM', iv: bytes.subarray(0, 12), additionalData: utf8(id) }
  return new TextDecoder().decode(await crypto.subtle.decrypt(how, content, bytes.subarray(12)))
}

async function ask() {
  const proof = textOf(new Uint8Array(await derived('proof')))
  const answer = await fetch(location.pathname, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ proof, attempt }),
    credentials: 'omit',
    referrerPolicy: 'no-referrer',
  })
  const body = await answer.json()
  if (!answer.ok) throw new Error(body.error_description)
  return body.ciphertext
}

function show(text) {
  const secret = part('secret')
  secret.value = text
  part('shown').hidden = false
  part('open').hidden = true
  part('copy').hidden = false
  // The used address is of no use to anyone, and a history that others read should not hold its key.
  history.replaceState(null, '', location.pathname)
  part('status').textContent = 'The secret is shown.'
  secret.focus()
  secret.select()
}

async function open() {
  const button = part('open')
  part('problem').hidden = true
  button.disabled = true
  try {
    show(await opened(await ask()))
  } catch (cause) {
    const lost = cause instanceof TypeError
    fail(lost ? 'The server could not be reached. Try again: nothing is lost.' : cause.message || 'The secret could not be opened.')
  } finally {
    button.disabled = false
  }
}

async function copy() {
  const secret = part('secret')
  secret.select()
  try {
    await navigator.clipboard.writeText(secret.value)
    part('copy').textContent = 'Copied'
    part('status').textContent = 'Copied.'
  } catch {
    part('status').textContent = 'Your browser does not let this page copy. The secret is selected: copy it yourself.'
  }
}

if (!globalThis.crypto?.subtle) fail('Your browser opens secrets only on an https address.')
else if (!/^[\w-]{43}$/.test(key)) fail('The address is not whole: its part after the # is missing or cut off. Copy all of it.')
else {
  part('open').hidden = false
  part('open').addEventListener('click', open)
  part('copy').addEventListener('click', copy)
}
