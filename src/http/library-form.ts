/**
 * Reads the forms that oidc-provider hands to its page hooks (sign-out, device). Owns the one place where the library's HTML is taken
 * apart: our pages never print it, since its device form carries an inline handler that the Content-Security-Policy refuses.
 */

/** What our own form needs to stand in for the library's. */
export interface LibraryForm {
  readonly id: string
  readonly action: string
  readonly hidden: readonly { readonly name: string; readonly value: string }[]
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
}

function attribute(tag: string, name: string): string | undefined {
  const found = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return found?.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity)
}

/** Takes id, address and hidden fields out of the library's form. Throws when it is not one: a page without its token would fail later and worse. */
export function libraryForm(html: string): LibraryForm {
  const tag = /<form\b[^>]*>/.exec(html)?.[0] ?? ''
  const id = attribute(tag, 'id')
  const action = attribute(tag, 'action')
  const inputs = html.match(/<input\s+type="hidden"[^>]*>/g) ?? []
  const hidden = inputs.map((input) => ({
    name: attribute(input, 'name') ?? '',
    value: attribute(input, 'value') ?? '',
  }))
  if (
    id === undefined ||
    action === undefined ||
    !hidden.some((field) => field.name === 'xsrf' && field.value !== '')
  ) {
    throw new TypeError('not a form of the library: id, action or xsrf is missing')
  }
  return { id, action, hidden }
}
