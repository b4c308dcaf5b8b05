/** The environment: deployment values, parsed once. `.env.example` and docs/configuration.md are printed from this list. */

import { z } from 'zod'

/** One setting with what a reader must know of it. */
export interface Entry {
  readonly name: string
  readonly default: string
  readonly meaning: string
  readonly group: string
}

/** A setting is not usable. The message names it and says what would do; it never repeats a secret's value. */
export class BadConfiguration extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BadConfiguration'
  }
}

const issuer = z.string().refine((text) => {
  const url = URL.parse(text)
  return (
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    !url.search &&
    !url.hash &&
    !url.username &&
    !text.includes('#') &&
    !text.includes('?')
  )
}, 'must be an http(s) address without query, fragment or user')

const schema = z.object({
  PORT: z.coerce.number().int().min(0).max(65535).default(3000),
  HOST: z
    .string()
    .regex(/^[\w.:[\]-]+$/, 'must be a host name or an address')
    .default('127.0.0.1'),
  ISSUER: issuer.optional(),
  DATABASE_URL: z
    .string()
    .regex(/^(sqlite:.+|mongodb(\+srv)?:\/\/.+)$/, 'must begin with sqlite: or mongodb://')
    .optional(),
  DATA_DIR: z.string().min(1).default('data'),
  MASTER_KEY: z.string().optional(),
  MASTER_KEY_FILE: z.string().min(1).optional(),
  SIGNER: z.enum(['software', 'pkcs11']).default('software'),
  PKCS11_MODULE: z.string().min(1).optional(),
  PKCS11_TOKEN: z.string().min(1).optional(),
  PKCS11_PIN_FILE: z.string().min(1).optional(),
  PKCS11_SESSIONS: z.coerce.number().int().min(1).max(64).default(4),
  PKCS11_BUDGET_MS: z.coerce.number().int().min(10).max(60_000).default(1000),
  CONFIG: z.string().min(1).optional(),
  WORKERS: z.coerce.number().int().min(1).max(64).default(1),
  TRUST_PROXY: z
    .union([
      z.stringbool(),
      z
        .string()
        .regex(/^\d{1,2}$/, 'must be true, false or a number of proxies')
        .transform(Number),
    ])
    .default(false),
  LANES: z.stringbool().default(true),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
})

/** The parsed environment. */
export type Environment = z.output<typeof schema>

/** Every variable that Mintmark reads. */
export const environment: readonly Entry[] = [
  { name: 'PORT', default: '3000', group: 'Address', meaning: 'Port to listen on; 0 takes a free one.' },
  {
    name: 'HOST',
    default: '127.0.0.1',
    group: 'Address',
    meaning: 'Address to listen on. Demonstration records are refused at use unless this and ISSUER are loopback.',
  },
  {
    name: 'ISSUER',
    default: 'http://localhost:PORT',
    group: 'Address',
    meaning: 'The issuer identifier and the base of every URL that Mintmark writes, whatever Host says.',
  },
  {
    name: 'TRUST_PROXY',
    default: 'false',
    group: 'Address',
    meaning:
      "How many proxies in front may be believed about the caller's address (X-Forwarded-For): true (one), false or a number.",
  },
  {
    name: 'DATABASE_URL',
    default: 'sqlite:DATA_DIR/mintmark.db',
    group: 'Store',
    meaning: 'sqlite:PATH or mongodb://... .',
  },
  {
    name: 'DATA_DIR',
    default: 'data',
    group: 'Store',
    meaning:
      'Folder (mode 0700) of the embedded store, the generated master key and the sockets of command line and workers.',
  },
  {
    name: 'MASTER_KEY',
    default: '',
    group: 'Store',
    meaning:
      '32 bytes in base64 or hexadecimal that wrap all other keys, or pkcs11:LABEL for a key in the token; several with commas: the first wraps, all unwrap. Prefer MASTER_KEY_FILE.',
  },
  {
    name: 'MASTER_KEY_FILE',
    default: 'DATA_DIR/master.key',
    group: 'Store',
    meaning:
      'File (mode 0600) that holds the master key, one a line: the first wraps, all unwrap. Outside loopback it must not lie inside DATA_DIR.',
  },
  {
    name: 'SIGNER',
    default: 'software',
    group: 'Keys',
    meaning:
      'Who makes new signing keys: software (private keys sealed in the store) or pkcs11 (made in the token, never leave it). Keys of the other one go on to work until they turn.',
  },
  {
    name: 'PKCS11_MODULE',
    default: '',
    group: 'Keys',
    meaning: "The vendor's PKCS#11 module, a path. With it PKCS11_TOKEN and PKCS11_PIN_FILE.",
  },
  { name: 'PKCS11_TOKEN', default: '', group: 'Keys', meaning: 'Label of the token.' },
  {
    name: 'PKCS11_PIN_FILE',
    default: '',
    group: 'Keys',
    meaning: "File (mode 0600) that holds the token's user PIN.",
  },
  { name: 'PKCS11_SESSIONS', default: '4', group: 'Keys', meaning: 'Sessions that work side by side.' },
  {
    name: 'PKCS11_BUDGET_MS',
    default: '1000',
    group: 'Keys',
    meaning: 'How long a call to the token may take before the request is answered with 503.',
  },
  {
    name: 'CONFIG',
    default: 'mintmark.config.ts',
    group: 'Operation',
    meaning: 'Configuration module. Loaded only when it belongs to this user and nobody else may write it.',
  },
  {
    name: 'LANES',
    default: 'true',
    group: 'Operation',
    meaning:
      'false sends every request the whole way through the library, slower and with the same answers: for whoever suspects a lane.',
  },
  {
    name: 'WORKERS',
    default: '1',
    group: 'Operation',
    meaning:
      'Processes that serve behind the one port, 1 to 64. With 1 there is one process; with more a primary starts them, and on SQLite owns the one writer (docs/scaling.md).',
  },
  {
    name: 'LOG_LEVEL',
    default: 'info',
    group: 'Operation',
    meaning: 'trace, debug, info, warn, error, fatal or silent.',
  },
]

/**
 * Parses the environment. Variables that are empty count as not set.
 * Throws `BadConfiguration` with one line for each bad variable.
 */
export function parseEnvironment(env: Readonly<Record<string, string | undefined>>): Environment {
  const given = Object.fromEntries(environment.map(({ name }) => [name, env[name] || undefined]))
  const parsed = schema.safeParse(given)
  if (!parsed.success) {
    throw new BadConfiguration(
      parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'),
    )
  }
  const { MASTER_KEY, MASTER_KEY_FILE } = parsed.data
  if (MASTER_KEY && MASTER_KEY_FILE) throw new BadConfiguration('MASTER_KEY and MASTER_KEY_FILE: set one of the two')
  const { SIGNER, PKCS11_MODULE, PKCS11_TOKEN, PKCS11_PIN_FILE } = parsed.data
  const token = [PKCS11_MODULE, PKCS11_TOKEN, PKCS11_PIN_FILE].filter((value) => value !== undefined).length
  if (token > 0 && token < 3)
    throw new BadConfiguration('PKCS11_MODULE, PKCS11_TOKEN and PKCS11_PIN_FILE: set all three or none')
  if (SIGNER === 'pkcs11' && token === 0)
    throw new BadConfiguration('SIGNER: pkcs11 needs PKCS11_MODULE, PKCS11_TOKEN and PKCS11_PIN_FILE')
  return parsed.data
}
