/** Looks over what is kept beside the tasks, structure by structure, and mends what is certain. */
import * as scripts from './lua/scripts.ts'
import {
  defectOf,
  InvalidArgumentError,
  type AuditAnswer,
  type AuditRequest,
  type KeptDefect,
  type StoreDefect,
} from '@millrace/core/store'
import { engineDefects } from './engine-audit.ts'
import type { Home } from './home.ts'
import type { Line, Reply } from './line.ts'

/** So many tasks or entries a script looks at: a few milliseconds, in which nobody else gets an answer. */
const LOOKED_MAX = 200
/** So many tasks are counted at once. */
const COUNTED_MAX = 10_000
/** Sorted sets and hashes that every home has; the others are found by their names. */
const ENTRIES: readonly string[] = ['e', 'o', 'O', 'U', 'V', 'k', 'r']

/** All of an entry. */
const FROM_START = { from: '0', stop: -1 } as const

const LIMITS = { at: 'limits', behind: '', from: '0' } as const

/** Where an audit is, in the order of these. */
type Place =
  | { readonly at: 'engine' }
  | { readonly at: 'tasks'; readonly place: number; readonly stop: number }
  /** Keys to look at, in base64, where to go on with the first and how far; then where SCAN goes on; '': it does not. */
  | {
      readonly at: 'entries'
      readonly keys: readonly string[]
      readonly from: string
      readonly stop: number
      readonly scan: string
    }
  /** Behind which limit, and where to go on with the keys of the next one. */
  | { readonly at: 'limits'; readonly behind: string; readonly from: string }
  | { readonly at: 'counts' }

interface Page {
  readonly defects: readonly StoreDefect[]
  readonly unseen: readonly string[]
  readonly next: Place | null
}

interface Auditor {
  readonly home: Home
  readonly line: Line
  readonly repair: boolean
  readonly most: number
}

export async function audit(
  { home, line }: { readonly home: Home; readonly line: Line },
  { cursor, limit, repair }: AuditRequest,
): Promise<AuditAnswer> {
  const place = placeOf(cursor)
  const { next, ...page } = await look({ home, line, repair, most: Math.min(limit, LOOKED_MAX) }, place)
  return { ...page, next: next === null ? null : JSON.stringify(next) }
}

function look(auditor: Auditor, place: Place): Promise<Page> {
  switch (place.at) {
    case 'engine':
      return engine(auditor)
    case 'tasks':
      return tasks(auditor, place)
    case 'entries':
      return place.keys.length > 0 ? entries(auditor, place) : keys(auditor, place)
    case 'limits':
      return limits(auditor, place)
    case 'counts':
      return counts(auditor)
  }
}

async function engine({ line }: Auditor): Promise<Page> {
  return { ...(await engineDefects(line)), next: { at: 'tasks', place: 0, stop: -1 } }
}

type Tasks = Extract<Place, { at: 'tasks' }>

async function tasks(auditor: Auditor, { place, stop }: Tasks): Promise<Page> {
  const { most } = auditor
  const reply = await ask(auditor, scripts.auditTasks, [place, most, stop])
  const [next, end, found, unknown] = reply as readonly [number, number, readonly Reply[], number]
  const unseen =
    unknown > 0 ? ['Some tasks stand in lines of more than 20 000, and were not looked for there.'] : []
  if (next >= 0) return { defects: defectsOf(found), unseen, next: { at: 'tasks', place: next, stop: end } }
  const all = ENTRIES.map((name) => Buffer.from(name).toString('base64'))
  return { defects: defectsOf(found), unseen, next: { at: 'entries', ...FROM_START, keys: all, scan: '0' } }
}

type Entries = Extract<Place, { at: 'entries' }>

async function entries(auditor: Auditor, place: Entries): Promise<Page> {
  const [key, ...rest] = place.keys
  const name = Buffer.from(key!, 'base64')
  const reply = await ask(auditor, scripts.auditEntries, [name, place.from, auditor.most, place.stop])
  const [from, stop, found] = reply as readonly [Buffer, number, readonly Reply[]]
  const goesOn = from.length > 0
  const next = goesOn
    ? { ...place, from: String(from), stop }
    : after({ ...place, ...FROM_START, keys: rest })
  return { defects: defectsOf(found), unseen: [], next }
}

async function keys(auditor: Auditor, place: Entries): Promise<Page> {
  const reply = await ask(auditor, scripts.auditKeys, [place.scan, auditor.most])
  const [scan, found, more] = reply as readonly [Buffer, readonly Reply[], readonly Buffer[]]
  if (scan.length === 0) {
    const unseen = 'Redis does not allow SCAN: it was not looked for keys that belong to no task.'
    return { defects: [], unseen: [unseen], next: LIMITS }
  }
  const goesOn = String(scan) === '0' ? '' : String(scan)
  const names = more.map((key) => key.toString('base64'))
  const next = after({ at: 'entries', ...FROM_START, keys: names, scan: goesOn })
  return { defects: defectsOf(found), unseen: [], next }
}

function after(place: Entries): Place {
  return place.keys.length === 0 && place.scan === '' ? LIMITS : place
}

async function limits(auditor: Auditor, { behind, from }: Extract<Place, { at: 'limits' }>): Promise<Page> {
  const script = { look: scripts.auditLimits, repair: scripts.auditLimits }
  const reply = await ask(auditor, script, [behind, from, auditor.most])
  const [name, goesOn, found] = reply as readonly [Buffer, Buffer, readonly Reply[]]
  const same = { at: 'limits', behind, from: String(goesOn) } as const
  const next = name.length === 0 ? ({ at: 'counts' } as const) : { ...LIMITS, behind: String(name) }
  return { defects: defectsOf(found), unseen: [], next: goesOn.length > 0 ? same : next }
}

async function counts(auditor: Auditor): Promise<Page> {
  const reply = await ask(auditor, scripts.auditCounts, [COUNTED_MAX])
  const [found] = reply as readonly (readonly Reply[])[]
  if (found !== undefined) return { defects: defectsOf(found), unseen: [], next: null }
  const unseen = `There are more than ${COUNTED_MAX} tasks: they were not counted at one moment.`
  return { defects: [], unseen: [unseen], next: null }
}

async function ask(
  { home, repair }: Auditor,
  script: { readonly look: scripts.Script; readonly repair: scripts.Script },
  request: readonly (number | string | Buffer)[],
): Promise<readonly Reply[]> {
  const reply = await home.ask(repair ? script.repair : script.look, (packer) => {
    packer.array(request.length + 1).int(repair ? 1 : 0)
    for (const value of request) {
      if (typeof value === 'number') packer.int(value)
      else if (typeof value === 'string') packer.text(value)
      else packer.bytes(value)
    }
  })
  return reply as readonly Reply[]
}

function defectsOf(flat: readonly Reply[]): readonly StoreDefect[] {
  const found: StoreDefect[] = []
  for (let i = 0; i < flat.length; i += 4) {
    const [code, subject, detail, mends] = flat.slice(i, i + 4)
    const remedy = mends === 1 ? 'repair' : 'operator'
    found.push(
      defectOf({
        code: String(code) as KeptDefect['code'],
        subject: String(subject),
        detail: String(detail),
        remedy,
      }),
    )
  }
  return found
}

/** @throws InvalidArgumentError */
function placeOf(cursor: string | null): Place {
  if (cursor === null) return { at: 'engine' }
  const place = parsed(cursor) as Partial<
    Record<'at' | 'behind' | 'place' | 'stop' | 'keys' | 'from' | 'scan', unknown>
  >
  const stop = isWhole(place.stop, -1)
  if (place.at === 'counts') return { at: 'counts' }
  const limitFits =
    typeof place.behind === 'string' && typeof place.from === 'string' && /^\d{1,20}$/.test(place.from)
  if (place.at === 'limits' && limitFits) return place as Extract<Place, { at: 'limits' }>
  if (place.at === 'tasks' && isWhole(place.place, 0) && stop) return place as Tasks
  const keysFit = Array.isArray(place.keys) && place.keys.every((key) => typeof key === 'string')
  const textsFit = [place.from, place.scan].every(
    (text) => typeof text === 'string' && /^\d{0,20}$/.test(text),
  )
  if (place.at === 'entries' && keysFit && textsFit && stop) return place as Entries
  throw new InvalidArgumentError(`The cursor ${JSON.stringify(cursor)} was not given by this store.`)
}

function isWhole(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least
}

function parsed(text: string): object {
  try {
    const place: unknown = JSON.parse(text)
    return typeof place === 'object' && place !== null ? place : {}
  } catch {
    // whoever wrote it did not get it here
    return {}
  }
}
