/** `mintmark scan`: finds what the server mints and nothing else, prints none of it, and runs nothing of what it reads. */

import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { systemRandom as random } from '../../src/base/index.ts'
import { runScan } from '../../src/cli/scan.ts'
import { findTokens, patternOf, TEXT_LENGTH_MAX } from '../../src/leaks/index.ts'
import { mintCredential } from '../../src/seal/index.ts'

const ROOT = resolve(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'src/cli/main.ts')
const minted = (kind = 'pat', prefix = 'mm') => mintCredential(random, kind, '01', prefix)
const tree = () => mkdtempSync(join(tmpdir(), 'mintmark-scan-'))

function put(root: string, path: string, content: string | Buffer): void {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}

interface Json {
  readonly path: string
  readonly line: number
  readonly column: number
  readonly kind: string
  readonly text: string
}
async function found(...args: readonly string[]): Promise<readonly Json[]> {
  const { output } = await runScan([...args, '--json'])
  return JSON.parse(output) as readonly Json[]
}
const places = (findings: readonly Json[]) => findings.map(({ path, line, column }) => `${path}:${line}:${column}`)

describe('mintmark scan', () => {
  it('finds every kind where it stands, prints it redacted, and ends with 1', async () => {
    const root = tree()
    const [pat, svc, secret] = [minted(), minted('svc'), minted('cs')]
    put(root, 'a/é.env', `# one\nTOKEN=${pat}\n\nü="${svc}";x=${secret}`)
    put(root, 'clean.ts', 'const mm_pat = "mm_pat_"\n')
    const { code, output, errors } = await runScan([root])
    assert.equal(code, 1)
    assert.equal(errors, '')
    for (const text of [pat, svc, secret]) assert.ok(!output.includes(text))
    assert.match(output, new RegExp(`^a/é\\.env:2:7: personal API token ${pat.slice(0, 8)}…${pat.slice(-4)}\n`))
    assert.deepEqual(places(await found(root)), ['a/é.env:2:7', 'a/é.env:4:4', `a/é.env:4:${4 + svc.length + 4}`])
  })

  it('ends with 0 and no word where there is nothing, also for what is mistyped or of another prefix', async () => {
    const root = tree()
    const text = minted()
    const other = minted('pat', 'acme')
    put(
      root,
      'x',
      `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'} ${text.toUpperCase()} ${text.slice(1)} ${other}`,
    )
    assert.deepEqual(await runScan([root]), { code: 0, output: '', errors: '' })
    assert.equal((await found(root, '--prefix', 'mm', '--prefix', 'acme')).length, 1)
    assert.equal((await found(root, '--prefix', 'acme')).length, 1)
  })

  it('finds across the pieces that large files are read in, with the right line', async () => {
    const root = tree()
    const [one, two] = [minted(), minted('svc')]
    const piece = 4 * 1024 * 1024
    for (const before of [piece - 20, piece - TEXT_LENGTH_MAX, piece - 1, piece, 2 * piece - 5]) {
      const filler = Buffer.alloc(before, 'line of ten\n')
      put(root, 'large', Buffer.concat([filler, Buffer.from(`\n${one} ${two}\n`), Buffer.alloc(piece, '.')]))
      const line = filler.toString('latin1').split('\n').length + 1
      assert.deepEqual(places(await found(root)), [`large:${line}:1`, `large:${line}:${one.length + 2}`])
    }
  })
})

describe('what mintmark scan reads', () => {
  it('is binary files, UTF-16, and what people write under .git, but no packed objects', async () => {
    const root = tree()
    const text = minted()
    put(root, 'b.bin', Buffer.concat([Buffer.alloc(100), Buffer.from(text), Buffer.alloc(3)]))
    put(root, 'le.txt', Buffer.from(`\ufeffa\n${text}`, 'utf16le'))
    put(root, 'be.txt', Buffer.from(`\ufeffa\n${text}`, 'utf16le').swap16())
    put(root, '.git/config', `url = https://x:${text}@example.test/r\n`)
    put(root, '.git/objects/ab/cd', text)
    put(root, 'objects/kept', text)
    const paths = (await found(root)).map(({ path }) => path)
    assert.deepEqual(paths, ['.git/config', 'b.bin', 'be.txt', 'le.txt', 'objects/kept'])
  })

  it('is behind no link and no pipe, and what could not be read is said', async () => {
    const [root, outside] = [tree(), tree()]
    put(outside, 'secret', minted())
    symlinkSync(outside, join(root, 'folder'))
    symlinkSync(join(outside, 'secret'), join(root, 'file'))
    symlinkSync(root, join(root, 'loop'))
    execFileSync('mkfifo', [join(root, 'pipe')])
    assert.deepEqual(await runScan([root]), { code: 0, output: '', errors: '' })
    assert.equal((await runScan([join(root, 'folder')])).code, 1, 'what is named on the command line is read')
    const missing = await runScan([join(root, 'nowhere')])
    assert.equal(missing.code, 2)
    assert.match(missing.errors, /ENOENT/)
    if (process.getuid?.() === 0) return
    put(root, 'closed', 'x')
    chmodSync(join(root, 'closed'), 0)
    assert.equal((await runScan([root])).code, 2)
  })

  it('has its names shown without doing what their control characters say', async () => {
    const root = tree()
    put(root, 'a\u001b[2J\nb', minted())
    const { output } = await runScan([root])
    assert.match(output, /^a\\u001b\[2J\\u000ab:1:1/)
  })

  it('is never guessed: arguments that make no sense get the usage', async () => {
    for (const args of [[], ['a', 'b'], ['.', '--nothing'], ['.', '--prefix', 'A-B'], ['-', '--staged']])
      assert.equal((await runScan(args)).code, 2, args.join(' '))
    assert.equal((await runScan(['--help'])).code, 0)
  })
})

describe('mintmark scan as a command', () => {
  it('reads standard input, and neither configuration nor environment of the tree that it stands in', () => {
    const root = tree()
    const text = minted()
    const mark = join(root, 'executed')
    const evil = `import { writeFileSync } from 'node:fs'\nwriteFileSync(${JSON.stringify(mark)}, '')\n`
    for (const name of ['mintmark.config.ts', 'mintmark.config.js', 'index.js']) put(root, name, evil)
    put(root, '.env', 'DATABASE_URL=mongodb://nowhere.invalid/x\n')
    put(root, 'package.json', '{"type":"module","main":"index.js"}')
    const env = { PATH: process.env.PATH ?? '', HOME: root }
    const run = (args: readonly string[], input = '') =>
      spawnSync(process.execPath, [MAIN, 'scan', ...args], { cwd: root, env, input, encoding: 'utf8' })
    const piped = run(['-'], `first\nsecond ${text}\n`)
    assert.equal(piped.status, 1, piped.stderr)
    assert.equal(piped.stdout, `-:2:8: personal API token ${text.slice(0, 8)}…${text.slice(-4)}\n`)
    assert.equal(run(['.']).status, 0)
    assert.ok(!existsSync(mark))
    assert.ok(!existsSync(join(root, 'data')))
  })

  it('reads 200 MB of source in a few seconds', async function () {
    this.timeout(60_000)
    const root = tree()
    const body = Buffer.alloc(100_000, 'const value = comm_table.lookup(row_id) // a usual line of code\n')
    for (let n = 0; n < 2000; n++) put(root, `d${n % 50}/f${n}.ts`, body)
    put(root, 'd7/last.env', minted())
    const start = performance.now()
    assert.equal((await found(root)).length, 1)
    // Measured: under a second on an idle core; the bound leaves room for a busy machine.
    assert.ok(performance.now() - start < 15_000)
    execFileSync('rm', ['-r', root])
  })
})

const git = (root: string, ...args: readonly string[]) =>
  execFileSync('git', ['-C', root, '-c', 'user.name=t', '-c', 'user.email=t@t.test', ...args], {
    env: { PATH: process.env.PATH ?? '', HOME: root, GIT_CONFIG_NOSYSTEM: '1' },
    encoding: 'utf8',
  })

describe('mintmark scan --staged', () => {
  it('finds what the index holds, before and after the first commit, not what the working tree holds', async () => {
    const root = tree()
    git(root, 'init', '-q')
    const [one, two] = [minted(), minted('svc')]
    put(root, 'a.env', one)
    assert.equal((await runScan([root, '--staged'])).code, 0)
    git(root, 'add', '.')
    put(root, 'a.env', 'cleaned in the working tree only')
    assert.deepEqual(places(await found(root, '--staged')), ['a.env:1:1'])
    git(root, 'commit', '-qm', 'one')
    assert.equal((await runScan([root, '--staged'])).code, 0, 'what is committed is not staged')
    put(root, 'dir/sp ace é.env', `\n${two}`)
    put(root, 'dir/utf16.txt', Buffer.from(`\ufeff${two}`, 'utf16le'))
    git(root, 'add', 'dir')
    git(root, 'rm', '-q', '--cached', 'a.env')
    assert.deepEqual(places(await found(root, '--staged')), ['dir/sp ace é.env:2:1', 'dir/utf16.txt:1:2'])
    assert.deepEqual(places(await found(join(root, 'dir'), '--staged')), ['dir/sp ace é.env:2:1', 'dir/utf16.txt:1:2'])
  })

  it('reads many files in few calls, and large ones in calls of their own', async () => {
    const root = tree()
    git(root, 'init', '-q')
    for (let n = 0; n < 300; n++) put(root, `f${n}`, `${n}\n${n % 100 === 0 ? minted() : ''}`)
    for (const name of ['g1', 'g2'])
      put(root, name, Buffer.concat([Buffer.alloc(40 * 1024 * 1024, name), Buffer.from(minted())]))
    git(root, 'add', '.')
    const paths = (await found(root, '--staged')).map(({ path }) => path)
    assert.deepEqual(paths.toSorted(), ['f0', 'f100', 'f200', 'g1', 'g2'])
    execFileSync('rm', ['-r', root])
  })

  it('runs none of the programs that a repository names', async () => {
    const root = tree()
    git(root, 'init', '-q')
    const mark = join(root, 'executed')
    put(root, 'evil.sh', `#!/bin/sh\ntouch '${mark}'\ncat\n`)
    chmodSync(join(root, 'evil.sh'), 0o755)
    put(root, '.gitattributes', '* diff=evil filter=evil\n')
    put(root, 'x.env', minted())
    git(root, 'add', '.')
    const evil = join(root, 'evil.sh')
    for (const key of [
      'core.fsmonitor',
      'diff.external',
      'diff.evil.command',
      'diff.evil.textconv',
      'filter.evil.smudge',
      'filter.evil.process',
      'core.pager',
      'core.sshCommand',
      'alias.diff-index',
    ])
      git(root, 'config', key, key.startsWith('alias') ? `!${evil}` : evil)
    for (const hook of ['post-index-change', 'pre-commit']) {
      put(root, `.git/hooks/${hook}`, `#!/bin/sh\ntouch '${mark}'\n`)
      chmodSync(join(root, '.git/hooks', hook), 0o755)
    }
    assert.deepEqual(places(await found(root, '--staged')), ['x.env:1:1'])
    assert.ok(!existsSync(mark))
  })

  it('says so outside a repository', async () => {
    const { code, errors } = await runScan([tree(), '--staged'])
    assert.equal(code, 2)
    assert.match(errors, /not a git repository/)
  })
})

interface Log {
  readonly version: string
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } }
    readonly results: readonly Readonly<Record<string, unknown>>[]
  }[]
}

describe('SARIF of mintmark scan', () => {
  it('is a log of version 2.1.0 with a rule, a place and a fingerprint for each result, and no secret', async () => {
    const root = tree()
    const text = minted('cs')
    put(root, 'a b/ü#.env', `x\n ${text}`)
    const { code, output } = await runScan([root, '--sarif'])
    assert.equal(code, 1)
    assert.ok(!output.includes(text))
    const log = JSON.parse(output) as Log
    assert.equal(log.version, '2.1.0')
    const [run] = log.runs
    const result = run?.results[0]
    assert.equal(run?.tool.driver.rules[Number(result?.ruleIndex)]?.id, 'mintmark-cs')
    assert.equal(result?.ruleId, 'mintmark-cs')
    assert.deepEqual(result?.locations, [
      {
        physicalLocation: {
          artifactLocation: { uri: 'a%20b/%C3%BC%23.env', uriBaseId: '%SRCROOT%' },
          region: { startLine: 2, startColumn: 2 },
        },
      },
    ])
    const none = JSON.parse((await runScan([tree(), '--sarif'])).output) as Log
    assert.deepEqual(none.runs[0]?.results, [])
  })
})

describe('the published rules', () => {
  const read = (name: string) => readFileSync(join(ROOT, 'docs/secret-scanning', name), 'utf8')
  const gitleaks = /regex = '''(.+)'''/.exec(read('gitleaks.toml'))?.[1] ?? ''
  const trufflehog = /credential: '(.+)'/.exec(read('trufflehog.yaml'))?.[1] ?? ''

  it('are one expression, which needs nothing that RE2 does not have', () => {
    const expression = patternOf('mm')
    assert.equal(gitleaks, expression)
    assert.equal(trufflehog, expression)
    assert.ok(read('README.md').includes(expression))
    assert.doesNotMatch(expression, /\(\?[=!<]|\\\d/)
  })

  it('match whatever the server mints, whole, and each has one of the keywords', () => {
    const keywords = [...read('gitleaks.toml').matchAll(/"(mm_\w+_)"/g)].map((match) => match[1] ?? '')
    assert.equal(keywords.length, 3)
    for (const kind of ['pat', 'svc', 'cs'])
      for (let n = 0; n < 200; n++) {
        const text = minted(kind)
        assert.equal(new RegExp(gitleaks).exec(`"${text}"`)?.[0], text)
        assert.ok(keywords.some((keyword) => text.includes(keyword)))
        assert.deepEqual(findTokens(Buffer.from(`x${text}y`), ['mm']), [{ kind, text, at: 1 }])
      }
  })
})
