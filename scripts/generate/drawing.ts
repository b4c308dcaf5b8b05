/** The drawing of the floors in ARCHITECTURE.md. */

import type { Floor } from '../check/floors.ts'

const START = '<!-- floors -->'
const END = '<!-- /floors -->'

/** One line a floor, the rooms that `stands` knows, and what the floor is for. An empty floor is left out. */
export function drawFloors(floors: readonly Floor[], stands: (room: string) => boolean): string {
  const rows = floors
    .map(({ rank, rooms, what }) => ({ rank, rooms: rooms.filter(stands).join('  '), what }))
    .filter(({ rooms }) => rooms !== '')
  const width = Math.max(0, ...rows.map(({ rooms }) => rooms.length))
  const lines = rows.map(({ rank, rooms, what }) => `${rank}  ${rooms.padEnd(width)}  ${what}`)
  return [
    ...lines,
    `-  ${'adapters/'.padEnd(width)}  the store: interface, laws, SQLite, MongoDB; imports nothing of src`,
  ].join('\n')
}

/** The page with the drawing between its markers. Throws when a marker is missing. */
export function withDrawing(page: string, drawing: string): string {
  const [from, to] = [page.indexOf(START), page.indexOf(END)]
  if (from < 0 || to < from) throw new Error(`ARCHITECTURE.md: the markers ${START} and ${END} are missing`)
  return `${page.slice(0, from)}${START}\n\`\`\`\n${drawing}\n\`\`\`\n${page.slice(to)}`
}
