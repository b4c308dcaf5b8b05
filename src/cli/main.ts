/** `mintmark ...`: parses the command line, asks a running server or opens the store itself, prints. */

import { parseArgs } from 'node:util'
import { nearest } from '../base/index.ts'
import { type Command, commands } from './commands.ts'
import { type Asked, askServer, runCommand } from './control.ts'
import { isForPeople, openApp, openConfiguration, readSetting } from './open.ts'
import { runScan } from './scan.ts'
import { serve } from './serve.ts'
import { makeMaster } from './signers.ts'
import { runSimulation } from './simulate.ts'

/** The command line does not make sense. The message is for people. */
class UsageError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}

const OTHERS: Readonly<Record<string, string>> = {
  serve: 'Serve (what npm start does).',
  'rotation simulate': 'Replay recorded refreshes through a policy: --policy file.ts --traffic log.jsonl.',
  'keys make-master': 'Make a master key in the PKCS#11 token, under a label: keys make-master <label>.',
  scan: 'Find API tokens and client secrets in a tree, offline: scan <path>, or - for standard input.',
  'config check': 'Parse the environment and the configuration, and say what is wrong.',
}

function overview(): string {
  const all = { ...OTHERS, ...Object.fromEntries(Object.entries(commands).map(([name, { about }]) => [name, about])) }
  const lines = Object.entries(all).map(([name, about]) => `  ${name.padEnd(28)}${about}`)
  return `mintmark <command> [options]\n\n${lines.join('\n')}\n\nEach takes --json and --help. Beside a running server they speak to it; with none they open the store.\n`
}

function helpOf(name: string, command: Command): string {
  const options = Object.entries(command.options).map(
    ([o, { about, multiple, type }]) =>
      `  ${`--${o}${type === 'string' ? ' …' : ''}${multiple ? ' (again)' : ''}`.padEnd(38)}${about}`,
  )
  const argument = command.argument ? ` <${command.argument}>` : ''
  const input = command.secretInput
    ? `\nThe ${command.secretInput} comes by standard input, never as an argument.\n`
    : ''
  return `mintmark ${name}${argument} [options]\n\n${command.about}\n${input}\n${[...options, `  ${'--json'.padEnd(38)}print JSON`].join('\n')}\n`
}

/** The commands that begin with a word; undefined where none does. */
function groupOf(word: string): string | undefined {
  const all = { ...OTHERS, ...Object.fromEntries(Object.entries(commands).map(([name, { about }]) => [name, about])) }
  const mine = Object.entries(all).filter(([name]) => name.startsWith(`${word} `))
  if (mine.length === 0) return undefined
  const lines = mine.map(([name, about]) => `  ${name.padEnd(28)}${about}`)
  return `mintmark ${word} <command> [options]\n\n${lines.join('\n')}\n\nmintmark ${word} <command> --help says what each takes.\n`
}

function found(words: readonly string[]): { readonly name: string; readonly command: Command } {
  const name = words.slice(0, 2).join(' ')
  const command = commands[name]
  const group = words[1] === undefined ? groupOf(words[0] ?? '') : undefined
  if (group) throw new UsageError(group)
  if (!command) {
    const near = nearest(name, [...Object.keys(OTHERS), ...Object.keys(commands)])
    throw new UsageError(`there is no command ${name}${near ? `; did you mean ${near}?` : ''}\n\n${overview()}`)
  }
  return { name, command }
}

async function standardInput(what: string): Promise<string> {
  if (process.stdin.isTTY) process.stderr.write(`${what}: `)
  let text = ''
  for await (const chunk of process.stdin) {
    text += String(chunk)
    if (process.stdin.isTTY && text.includes('\n')) break
  }
  return text.replace(/\r?\n$/, '')
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)

/** One row as lines of name and value; a list of rows inside it is indented below its name. */
function block(row: object, indent = ''): string {
  const entries = Object.entries(row).filter(([, value]) => !isEmpty(value))
  const width = Math.max(26, ...entries.map(([key]) => key.length)) + 2
  return entries
    .map(([key, value]) => {
      if (Array.isArray(value) && value.every(isObject))
        return `${indent}${key}\n${value.map((one: object) => block(one, `${indent}  `)).join('\n\n')}`
      return `${indent}${key.padEnd(width)}${isObject(value) ? JSON.stringify(value) : value}`
    })
    .join('\n')
}

function printed(result: unknown, json: boolean): string {
  if (json) return `${JSON.stringify(result, null, 2)}\n`
  const rows: readonly unknown[] = Array.isArray(result) ? result : [result]
  const blocks = rows.map((row) => block(isObject(row) ? row : { result: row }))
  return blocks.length === 0 ? 'none\n' : `${blocks.join('\n\n')}\n`
}

async function execute(request: Asked): Promise<unknown> {
  const setting = readSetting(process.env, { quiet: true })
  const far = await askServer(setting.dataDir, request)
  if (far) {
    if ('error' in far && typeof far.error === 'string') throw new UsageError(far.error)
    return 'result' in far ? far.result : undefined
  }
  const app = await openApp(setting, { declares: false })
  try {
    const near = await runCommand(app, request)
    if ('error' in near) throw new UsageError(near.error)
    await app.background.stop()
    return near.result
  } finally {
    await app.close()
  }
}

async function simulation(args: readonly string[]): Promise<void> {
  const usage = 'mintmark rotation simulate --policy file.ts --traffic log.jsonl [--json]\n'
  const options = {
    policy: { type: 'string' },
    traffic: { type: 'string' },
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  } as const
  let values: { policy?: string; traffic?: string; json?: boolean; help?: boolean }
  try {
    ;({ values } = parseArgs({ args: [...args], options }))
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${usage}`)
  }
  if (values.help) return void process.stdout.write(usage)
  const { policy, traffic } = values
  if (!policy || !traffic) throw new UsageError(usage)
  const result = await runSimulation({ policy, traffic, uid: process.getuid?.() })
  process.stdout.write(printed(result, values.json === true))
}

async function scan(args: readonly string[]): Promise<void> {
  const { code, output, errors } = await runScan(args)
  process.stdout.write(output)
  process.stderr.write(errors)
  process.exitCode = code
}

/** `mintmark inventory ...` is its list. */
const spelledOut = ([first, second, ...rest]: readonly string[]): readonly string[] =>
  first === 'inventory' && (second === undefined || (second.startsWith('-') && second !== '--help'))
    ? [first, 'list', ...(second === undefined ? [] : [second]), ...rest]
    : [first, second, ...rest].filter((word) => word !== undefined)

async function main(given: readonly string[]): Promise<void> {
  const args = spelledOut(given)
  const words = args.filter((word) => !word.startsWith('-'))
  if (args.length === 0 || (words.length === 0 && args.includes('--help'))) return void process.stdout.write(overview())
  const group = args.length === 2 && args[1] === '--help' ? groupOf(args[0] ?? '') : undefined
  if (group) return void process.stdout.write(group)
  if (args[0] === 'scan') return scan(args.slice(1))
  if (words[0] === 'serve') return serve(process.env)
  if (words[0] === 'config' && words[1] === 'check') {
    const setting = readSetting(process.env, { quiet: true })
    const configuration = await openConfiguration(setting)
    return void process.stdout.write(
      printed(
        { ok: true, issuer: setting.issuer, clients: configuration.clients.length, apis: configuration.apis.length },
        args.includes('--json'),
      ),
    )
  }
  if (words[0] === 'keys' && words[1] === 'make-master') {
    const [, , label] = words
    if (!label) throw new UsageError('mintmark keys make-master <label>\n')
    const made = await makeMaster(readSetting(process.env, { quiet: true }), label)
    return void process.stdout.write(printed(made, args.includes('--json')))
  }
  if (words[0] === 'rotation' && words[1] === 'simulate') return simulation(args.slice(2))
  const { name, command } = found(args.slice(0, 2))
  const options = Object.fromEntries(
    Object.entries(command.options).map(([o, { type, multiple }]) => [o, { type, ...(multiple ? { multiple } : {}) }]),
  )
  let parsed: { values: Record<string, unknown>; positionals: string[] }
  try {
    parsed = parseArgs({
      args: args.slice(2),
      options: { ...options, json: { type: 'boolean' }, help: { type: 'boolean' } },
      allowPositionals: true,
    })
  } catch (cause) {
    throw new UsageError(`${cause instanceof Error ? cause.message : String(cause)}\n\n${helpOf(name, command)}`)
  }
  const { json, help, ...values } = parsed.values
  if (help) return void process.stdout.write(helpOf(name, command))
  const argument = parsed.positionals[0] ?? ''
  if (command.argument && !argument)
    throw new UsageError(`say which: <${command.argument}>\n\n${helpOf(name, command)}`)
  const input = command.secretInput ? await standardInput(command.secretInput) : ''
  const result = await execute({ command: name, argument, input, values: { ...values } })
  if (command.lines && Array.isArray(result))
    process.stdout.write(result.map((one) => `${JSON.stringify(one)}\n`).join(''))
  else process.stdout.write(printed(result, json === true))
}

try {
  await main(process.argv.slice(2))
} catch (cause) {
  if (!isForPeople(cause)) throw cause
  process.stderr.write(`${cause.message}\n`)
  process.exitCode = 1
}
