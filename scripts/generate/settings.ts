/** .env.example and docs/configuration.md, from the entries that src/config declares. */

/** One setting, as src/config describes it. */
export interface Entry {
  readonly name: string
  readonly default: string
  readonly meaning: string
  readonly group: string
}

function byGroup(entries: readonly Entry[]): readonly (readonly [string, readonly Entry[]])[] {
  return [...Map.groupBy(entries, ({ group }) => group)]
}

/** Every variable with its meaning and default, commented out: copying the file changes nothing. */
export function environmentExample(environment: readonly Entry[]): string {
  const groups = byGroup(environment).map(([group, entries]) => {
    const lines = entries.map((entry) => `# ${entry.meaning}\n#${entry.name}=${entry.default}`)
    return `# ${group}\n\n${lines.join('\n\n')}`
  })
  return `# Written by \`npm run generate\` from src/config. Copy to .env and take away the # of what you change.\n\n${groups.join('\n\n')}\n`
}

/** A cell of a Markdown table. */
export function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\n\s*/g, ' ')
}

function table(entries: readonly Entry[]): string {
  const rows = entries.map((entry) => {
    const standard = entry.default === '' ? '' : `\`${cell(entry.default)}\``
    return `| \`${entry.name}\` | ${standard} | ${cell(entry.meaning)} |`
  })
  return ['| name | default | meaning |', '|---|---|---|', ...rows].join('\n')
}

/** The reference of all settings. */
export function configurationPage(environment: readonly Entry[], configuration: readonly Entry[]): string {
  const sections = (entries: readonly Entry[]) =>
    byGroup(entries).flatMap(([group, some]) => [`### ${group}`, table(some)])
  return `${[
    '# Configuration',
    '<!-- Written by `npm run generate` from src/config: change it there. -->',
    'Nothing has to be configured to start. Deployment values stand in the environment; everything else in an optional' +
      ' module, `mintmark.config.ts`. An unknown key is an error that names the nearest known one.',
    '## Environment',
    ...sections(environment),
    '## mintmark.config.ts',
    "```ts\nimport { defineConfig } from 'mintmark'\n\nexport default defineConfig({\n  // keys of the tables below\n})\n```",
    ...sections(configuration),
  ].join('\n\n')}\n`
}
