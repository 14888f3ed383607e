/**
 * Where a claim ended, per queue, route and level: `queue.route.level.place in line.arrival`, in base 36. The next
 * one begins behind it, and does not step over the dead index entries of what was claimed before.
 */
import { int4s, int8s } from './arrays.ts'

/** As the port has it. */
const CHARS_MAX = 4_096
const PLACE = /^[0-9a-z]{1,7}\.[0-9a-z]{1,7}\.[0-4]\.[0-9a-z]{1,10}\.[0-9a-z]{1,11}$/
const INT4_MAX = 2 ** 31

export interface Place {
  readonly queue: number
  readonly route: number
  readonly level: number
  readonly ord: number
  readonly seq: number
}

function textOf({ queue, route, level, ord, seq }: Place): string {
  return [queue, route, level, ord, seq].map((number) => number.toString(36)).join('.')
}

function placeOf(text: string): Place | null {
  if (!PLACE.test(text)) return null
  const [queue = 0, route = 0, level = 0, ord = 0, seq = 0] = text
    .split('.')
    .map((part) => parseInt(part, 36))
  const fits =
    queue < INT4_MAX && route < INT4_MAX && ord <= Number.MAX_SAFE_INTEGER && seq <= Number.MAX_SAFE_INTEGER
  return fits ? { queue, route, level, ord, seq } : null
}

/** What is no place is left out: any text is a cursor. */
export function readCursor(cursor: string | null): readonly Place[] {
  if (cursor === null || cursor === '' || cursor.length > CHARS_MAX) return []
  return cursor
    .split(',')
    .map(placeOf)
    .filter((place) => place !== null)
}

/** The places of `before`, but for those that have moved on; the newest first, as many as fit. */
export function writeCursor(before: readonly Place[], now: readonly Place[]): string | null {
  const places = new Map<string, Place>()
  for (const place of [...now, ...before]) {
    const key = `${place.queue}.${place.route}.${place.level}`
    if (!places.has(key)) places.set(key, place)
  }
  let text = ''
  for (const place of places.values()) {
    const next = textOf(place)
    if (text.length + next.length + 1 > CHARS_MAX) break
    text += text === '' ? next : `,${next}`
  }
  return text === '' ? null : text
}

/** As the claim takes it: five lists. */
export function cursorLists(places: readonly Place[]): readonly Buffer[] {
  return [
    int4s(places.map(({ queue }) => queue)),
    int4s(places.map(({ route }) => route)),
    int4s(places.map(({ level }) => level)),
    int8s(places.map(({ ord }) => ord)),
    int8s(places.map(({ seq }) => seq)),
  ]
}
