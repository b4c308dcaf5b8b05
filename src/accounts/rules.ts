/** Pure decisions about names and passwords. */

const COMMON = [
  'password',
  'passwort',
  'qwertyuiop',
  'qwertzuiop',
  'asdfghjkl',
  'zxcvbnm',
  '1q2w3e4r5t',
  'iloveyou',
  'letmein',
  'welcome',
  'admin',
  'administrator',
  'monkey',
  'dragon',
  'football',
  'baseball',
  'sunshine',
  'princess',
  'superman',
  'batman',
  'trustno1',
  'starwars',
  'whatever',
  'changeme',
  'secret',
  'master',
  'shadow',
  'michael',
  'jordan',
  'computer',
  'internet',
  'mintmark',
  'hello',
  'login',
  'summer',
  'winter',
  'spring',
  'autumn',
  'company',
  'correcthorsebatterystaple',
  'thequickbrownfox',
  'jumpsoverthelazydog',
  'loremipsumdolorsitamet',
  'tobeornottobe',
  'maytheforcebewithyou',
  'itwasthebestoftimes',
  'neverletmego',
  'opensesame',
  'abracadabra',
  'abcdefghijklmnopqrstuvwxyz',
  'zyxwvutsrqponmlkjihgfedcba',
  '12345678901234567890',
  '09876543210987654321',
  'donttellanyone',
  'thisismypassword',
  'mypasswordis',
  'passwordpassword',
  'pleaseletmein',
  'nopasswordhere',
  'ihatepasswords',
  'testtesttest',
  'verysecurepassword',
] as const

/** Letters that people put for others. */
const LEET: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'l',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  $: 's',
  '@': 'a',
  '!': 'i',
}

export const PASSWORD_LENGTH_MIN = 15
export const PASSWORD_LENGTH_MAX = 256

/** Why a password is refused; undefined when it is good. NIST SP 800-63B-4, 3.1.1.2: length and a blocklist, no rules of composition. */
export function passwordFault(password: string, loginName: string): 'short' | 'long' | 'common' | undefined {
  const length = [...password].length
  if (length < PASSWORD_LENGTH_MIN) return 'short'
  if (length > PASSWORD_LENGTH_MAX || Buffer.byteLength(password) > 4 * PASSWORD_LENGTH_MAX) return 'long'
  return isCommon(password, loginName) ? 'common' : undefined
}

/** What is left of a password when the words that everyone tries are taken out must still be something. */
function isCommon(password: string, loginName: string): boolean {
  const lower = password.normalize('NFKC').toLowerCase()
  const plain = [
    lower.replace(/[\s._-]/g, ''),
    [...lower]
      .map((c) => LEET[c] ?? c)
      .join('')
      .replace(/[^\p{L}\p{N}]/gu, ''),
  ]
  const words = [...COMMON, loginName.toLowerCase().replace(/[\s._-]/g, '')]
    .filter((word) => word.length >= 4)
    .sort((a, b) => b.length - a.length)
  return plain.some((text) => {
    const rest = words
      .reduce((left, word) => left.replaceAll(word, ''), text)
      .replace(/(19|20)\d\d/g, '')
      .replace(/\d+$/, '')
    return new Set(rest).size < 5 || isRun(text)
  })
}

/** Steps of one through the alphabet, the digits, or a short piece repeated. */
function isRun(text: string): boolean {
  const piece = /^(.{1,5}?)\1+(.{0,4})$/u.exec(text)
  if (piece?.[1]?.startsWith(piece[2] ?? '')) return true
  const codes = [...text].map((c) => c.codePointAt(0) ?? 0)
  const steps = codes.slice(1).filter((code, i) => Math.abs(code - (codes[i] ?? 0)) <= 1).length
  return steps >= 0.8 * (codes.length - 1)
}

/** The form under which a login name is known: compatibility forms, case and outer space aside. Idempotent. */
export function normalName(name: string): string {
  return name.normalize('NFKC').trim().toLowerCase().normalize('NFKC')
}

/** Whether a login name may be given: 1 to 200 characters, no control characters, no inner space at its ends. */
export function isLoginName(name: string): boolean {
  return /^[^\p{Cc}\p{Cs}]{1,200}$/u.test(normalName(name))
}
