/** Who and what there is on the stage: clients with their secrets, families, tokens; and a name for every secret, for people who read. */

/** A client as whoever plays it knows it. */
export interface ClientPart {
  readonly id: string
  /** Those that work, the first of them the usual one. */
  readonly secrets: readonly string[]
  readonly method: 'basic' | 'post' | 'none' | 'key'
}

/** A chain of refresh tokens. */
export interface FamilyPart {
  readonly label: string
  readonly client: string
  /** Its id as its tokens name it. */
  readonly text: string
  head: string
  /** Those before the head, the latest last. */
  past: string[]
  readonly scopes: readonly string[]
  readonly resources: readonly string[]
  /** Which of the proof keys its tokens are bound to. */
  readonly bound: 0 | 1 | undefined
  /** Not ended, disabled or bound before the play begins. */
  readonly isPlain: boolean
}

/** Any other token. */
export interface TokenPart {
  readonly text: string
  readonly kind: 'access' | 'machine' | 'jwt' | 'api' | 'other'
  readonly client: string
  readonly bound?: 0 | 1 | undefined
}

/** Tokens that the play itself adds to are forgotten beyond so many: the oldest of them first. */
const PLAYED_MAX = 60

/** Everybody. */
export class Cast {
  readonly clients: ReadonlyMap<string, ClientPart>
  families: FamilyPart[] = []
  tokens: TokenPart[] = []
  readonly #names: Map<string, string>
  #fixed = 0

  constructor(clients: readonly ClientPart[], names: ReadonlyMap<string, string> = new Map()) {
    this.clients = new Map(clients.map((client) => [client.id, client]))
    this.#names = new Map(names)
    for (const { id, secrets } of clients)
      for (const [n, secret] of secrets.entries()) this.name(secret, `secret ${n + 1} of ${id}`)
  }

  /** Gives a secret a name. The first one stays. */
  name(text: string, name: string): void {
    if (text !== '' && !this.#names.has(text)) this.#names.set(text, name)
  }

  nameOf(text: string): string | undefined {
    return this.#names.get(text)
  }

  client(id: string): ClientPart {
    const found = this.clients.get(id)
    if (!found) throw new Error(`no client ${id}`)
    return found
  }

  /** Takes in a token; one that the play adds pushes out an older one. */
  addToken(token: TokenPart, name: string): void {
    this.name(token.text, name)
    this.tokens.push(token)
    if (this.#fixed > 0 && this.tokens.length > this.#fixed + PLAYED_MAX) this.tokens.splice(this.#fixed, 1)
  }

  /** A text with every secret in it replaced by its name. */
  told(text: string): string {
    const known = [...this.#names].filter(([secret]) => secret.length > 3).sort(([a], [b]) => b.length - a.length)
    return known.reduce((out, [secret, name]) => out.replaceAll(secret, `{${name}}`), text)
  }

  /** As it is now, for a chapter that begins here. */
  copy(): Cast {
    const other = new Cast([...this.clients.values()], this.#names)
    other.families = this.families.map((family) => ({ ...family, past: [...family.past] }))
    other.tokens = [...this.tokens]
    other.#fixed = this.tokens.length
    return other
  }
}
