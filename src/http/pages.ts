/**
 * What each page is told: the models of the views, readonly and prepared. Owns their words in TypeScript; the templates under `views/`
 * print them and decide nothing.
 */

/** The accents that the stylesheet knows, each a class on the root element: a colour of one's own would need inline style. */
export const ACCENTS = ['verdigris', 'ink', 'plum', 'slate'] as const
export type Accent = (typeof ACCENTS)[number]

export interface Branding {
  /** Product name in the header, in titles and in sentences. */
  readonly name: string
  readonly accent?: Accent | undefined
}

/** The application that asks. */
export interface Asker {
  readonly name: string
  /** Host that the answer goes to, from the registered redirect URI; leave out where there is none (device flow, apps on the same machine). */
  readonly host?: string | undefined
}

/** Every form of ours: where it posts to, and the token that proves it is ours (hidden field `csrf`). */
export interface OwnForm {
  readonly action: string
  readonly csrf: string
}

export type SignInError = { readonly kind: 'wrong' } | { readonly kind: 'throttled'; readonly minutes: number }

/** Fields `login`, `password`; the buttons post `do=sign-in` or `do=cancel`. */
export interface SignInModel extends OwnForm {
  /** Left out where one signs in to the server's own pages. */
  readonly client?: Asker | undefined
  /** What the login field starts with (login_hint, or what was typed before the error). */
  readonly login?: string | undefined
  readonly error?: SignInError | undefined
}

/** Claims the first administrator. Fields `login`, `password`. */
export interface ClaimModel extends OwnForm {
  readonly login?: string | undefined
  /** A plain sentence: why what was typed is refused. */
  readonly problem?: string | undefined
}

export interface ScopeWords {
  readonly scope: string
  readonly words: string
}

/** Scopes of one place: about the person, or one API. */
export interface ScopeGroup {
  readonly title: string
  /** The API's identifier, shown small; left out for "about you". */
  readonly audience?: string | undefined
  readonly scopes: readonly ScopeWords[]
}

/** The buttons post `do=allow` or `do=refuse`. */
export interface ConsentModel extends OwnForm {
  readonly client: Asker
  /** The account in the person's own words: login name or e-mail. */
  readonly account: string
  readonly groups: readonly ScopeGroup[]
  /** How long access lasts: of the refresh family when `offline`, else of the session. */
  readonly lifetimeSeconds: number
  /** offline_access is among the scopes: the app keeps access while the person is away. */
  readonly offline: boolean
  /** Host that the browser goes to after the answer. */
  readonly redirectHost: string
}

export type DeviceEntryError = 'wrong' | 'interrupted' | 'failed'

/** `form` is the library's HTML, as handed to `userCodeInputSource`. */
export interface DeviceEntryModel {
  readonly form: string
  readonly userCode?: string | undefined
  readonly error?: DeviceEntryError | undefined
}

/** `form` is the library's HTML, as handed to `userCodeConfirmSource`. */
export interface DeviceConfirmModel {
  readonly form: string
  readonly client: Asker
  readonly userCode: string
  /** What the asking device told of itself: unproved, shown to compare. */
  readonly device: { readonly network?: string | undefined; readonly userAgent?: string | undefined }
}

export interface DeviceDoneModel {
  readonly client?: Asker | undefined
}

/** `form` is the library's HTML, as handed to `logoutSource`; the first button posts `logout=yes`. */
export interface SignOutModel {
  readonly form: string
  readonly client?: Asker | undefined
}

export interface SignedOutModel {
  readonly client?: Asker | undefined
}

export interface ErrorModel {
  /** A plain sentence for a person; never the cause. */
  readonly sentence: string
  /** The machine's word: `invalid_request`, `server_error`, ... */
  readonly code: string
  readonly requestId: string
  /** Heading; "This request can't go on" unless given. */
  readonly title?: string | undefined
  /** What to do next; "Go back to the app and start again." unless given. */
  readonly hint?: string | undefined
}

export interface ExpiredModel {
  readonly requestId?: string | undefined
}

export interface HomeModel {
  readonly issuer: string
  /** Lines to try in a terminal, each with what it does; reading discovery stands first anyway. */
  readonly commands: readonly { readonly about: string; readonly command: string }[]
  /** Links beyond discovery and keys, which stand there anyway. */
  readonly links?: readonly { readonly href: string; readonly title: string; readonly about: string }[] | undefined
}

/** A static file of the pages. */
export interface Asset {
  readonly body: Buffer
  readonly type: string
  /** Strong, with its quotes. */
  readonly etag: string
}

/** The pages: one method each, HTML out. */
export interface Views {
  signIn(model: SignInModel): string
  consent(model: ConsentModel): string
  deviceEntry(model: DeviceEntryModel): string
  deviceConfirm(model: DeviceConfirmModel): string
  deviceDone(model: DeviceDoneModel): string
  signOut(model: SignOutModel): string
  signedOut(model: SignedOutModel): string
  error(model: ErrorModel): string
  expired(model: ExpiredModel): string
  home(model: HomeModel): string
  claim(model: ClaimModel): string
  claimed(): string
  /** Opens a wrapped secret; the only page with a script. */
  wrapped(): string
  /** A known asset by request path (`/assets/mintmark.css`); undefined for anything else. Nothing is looked up on disk. */
  asset(path: string): Asset | undefined
}
