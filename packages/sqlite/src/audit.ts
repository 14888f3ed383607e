/** Looks over what is kept beside the tasks, table by table, and mends what is certain. */
import {
  defectOf,
  type AuditAnswer,
  type AuditRequest,
  type KeptDefect,
  type StoreDefect,
} from '@millrace/core/store'
import { engineDefects } from './engine-audit.ts'
import { Refusal } from './failures.ts'
import { enterLine, letNextOn } from './places.ts'
import {
  BLOCKED,
  COUNT_VOLUMES,
  COUNTED_MAX,
  DROP_EDGE,
  DROP_KEY,
  DROP_USAGE,
  DROP_VOLUMES,
  EDGES,
  KEYS,
  LATER,
  NOTES,
  PAYLOADS,
  READY,
  RUNNING,
  SERIES,
  TASKS,
  USAGES,
  VOLUMES,
} from './statements/audit.ts'
import { PUT_OUT } from './statements/dependents.ts'
import { FOLLOWER } from './statements/series.ts'
import { DELETE_NOTES, DROP_APART, LEAVE_LATER, LEAVE_READY, STOP_RUNNING } from './statements/tasks.ts'
import { lastSeq } from './tasks.ts'
import { idFromHex } from './codes.ts'
import type { Value } from './database.ts'
import type { Pass } from './home.ts'

type Place = readonly (number | string)[]

/** One row that was looked at: its place, what is wrong with it, and what mending it needs. */
interface Row {
  readonly place: Place
  readonly code: KeptDefect['code'] | null
  readonly subject: string
  readonly detail: string
  readonly more: Value
}

interface Check {
  readonly statement: string
  /** Before all places. */
  readonly from: Place
  /** How many rows are looked at together, where that is not cheap. */
  readonly rowsMax?: number
  /** `undefined`: it cannot be mended for certain. */
  readonly mend?: (row: Row) => ((pass: Pass) => void) | undefined
  readonly unseen?: (row: Row) => string | undefined
}

const dropping =
  (statement: string) =>
  ({ place }: Row) =>
  ({ database }: Pass): void =>
    void database.run(statement, ...place)

/** How many final tasks are counted while the file is locked for others. */
const RECOUNTED_MAX = 100_000

/** In this order. A key that is a text comes behind all numbers. */
const CHECKS: Readonly<Record<string, Check>> = {
  tasks: { statement: TASKS, from: [-1], mend: putInLine },
  blocked: { statement: BLOCKED, from: [-1, -1] },
  keys: { statement: KEYS, from: [''], mend: dropping(DROP_KEY) },
  ready: { statement: READY, from: [-1, -1, -1, -1, -1, -1, -1], mend: dropping(LEAVE_READY) },
  later: { statement: LATER, from: [-1, -1, -1, -1], mend: dropping(LEAVE_LATER) },
  series: {
    statement: SERIES,
    from: [-1, -1, -1],
    mend: (row) => (pass) => letNextOn(pass, { seq: Number(row.more) }),
  },
  edges: { statement: EDGES, from: [-1, -1, -1], mend: mendEdge },
  running: { statement: RUNNING, from: [-1], mend: dropping(STOP_RUNNING) },
  payloads: { statement: PAYLOADS, from: [-1], mend: dropping(DROP_APART) },
  notes: { statement: NOTES, from: [-1], mend: dropping(DELETE_NOTES) },
  usages: { statement: USAGES, from: [-1], mend: mendUsage },
  volumes: { statement: VOLUMES, from: [-1, -1], rowsMax: 3, mend: recount, unseen: tooMany },
}

const NAMES: readonly string[] = ['engine', ...Object.keys(CHECKS)]

/** A look; nothing is written. */
export function audit(pass: Pass, request: AuditRequest): AuditAnswer {
  const [name, last, place] = cursorOf(request.cursor) ?? [NAMES[0]!, lastSeq(pass), undefined]
  const next = NAMES[NAMES.indexOf(name) + 1]
  const check = CHECKS[name]
  if (check === undefined) return { ...engineDefects(pass), next: `${next} ${last}` }
  const limit = Math.min(request.limit, check.rowsMax ?? request.limit)
  const rows = pass.database.all<Value[]>(check.statement, ...(place ?? check.from), limit, last)
  const defects: StoreDefect[] = []
  const unseen: string[] = []
  let latest: Place = check.from
  for (const values of rows) {
    const row = read(check, values)
    const { code, subject, detail } = row
    latest = row.place
    const note = check.unseen?.(row)
    if (note !== undefined) unseen.push(note)
    if (code === null) continue
    const mend = check.mend?.(row)
    if (request.repair) mend?.(pass)
    defects.push(defectOf({ code, subject, detail, remedy: mend === undefined ? 'operator' : 'repair' }))
  }
  const more = next === undefined ? null : `${next} ${last}`
  return { defects, unseen, next: rows.length === limit ? `${name} ${last} ${JSON.stringify(latest)}` : more }
}

/** The name of a check, the last task that was there when the audit began, and where to go on. */
type Cursor = readonly [name: string, last: number, place: Place | undefined]

function cursorOf(cursor: string | null): Cursor | undefined {
  if (cursor === null) return undefined
  const [, name = '', last, text] = /^(\w+) (\d{1,15})(?: (.*))?$/s.exec(cursor) ?? []
  const from = CHECKS[name]?.from
  if (from === undefined) throw foreign(cursor)
  if (text === undefined) return [name, Number(last), undefined]
  const place = parsedPlace(text)
  const fits = place?.length === from.length && place.every((one, index) => typeof one === typeof from[index])
  if (!fits) throw foreign(cursor)
  return [name, Number(last), place as Place]
}

function parsedPlace(text: string): readonly unknown[] | undefined {
  try {
    const place = JSON.parse(text) as unknown
    return Array.isArray(place) ? place : undefined
  } catch {
    // whoever wrote it did not get it here
    return undefined
  }
}

function foreign(cursor: string): Refusal {
  return new Refusal(
    'invalid-argument',
    `The cursor ${JSON.stringify(cursor)} was not given by this store.`,
    {
      hint: 'Begin without one.',
    },
  )
}

function read({ from }: Check, values: readonly Value[]): Row {
  const [code, subject, detail, more = null] = values.slice(from.length)
  const place = values.slice(0, from.length) as Place
  return { place, code: code as Row['code'], subject: named(subject!), detail: named(detail!), more }
}

/** Ids as users know them. */
function named(value: Value): string {
  const text = String(value)
  return /^[0-9a-f]{32}$/.test(text) ? idFromHex(text) : text
}

/** What may be claimed and stands nowhere, or twice, is put where it belongs. */
function putInLine({ place: [seq], code, detail }: Row): ((pass: Pass) => void) | undefined {
  if (code !== 'lost-place' || detail !== 'in line') return undefined
  return (pass) => {
    const task = pass.database.object<Parameters<typeof enterLine>[1]>(FOLLOWER, seq!)
    if (task === undefined) return
    const { queue, route, level, lane, dueBy, runAt } = task
    const { partition } = pass.lanes.of(lane)
    pass.database.run(LEAVE_READY, queue, route, level, partition, lane, dueBy ?? runAt, seq!)
    pass.database.run(LEAVE_LATER, queue, route, runAt, seq!)
    enterLine(pass, task)
  }
}

/** Whoever waits for what has ended is told by `deliver`. */
function mendEdge(row: Row): ((pass: Pass) => void) | undefined {
  if (row.code === 'stray-edge') return dropping(DROP_EDGE)(row)
  const [parent, , child] = row.place
  if (row.more === null) return undefined
  return ({ database }) => void database.run(PUT_OUT, parent!, child!, row.more)
}

/** What is counted wrongly is counted anew by `recount`. */
function mendUsage(row: Row): ((pass: Pass) => void) | undefined {
  return row.code === 'stray-limit' ? dropping(DROP_USAGE)(row) : () => undefined
}

function recount(row: Row): ((pass: Pass) => void) | undefined {
  if (Number(row.more) > RECOUNTED_MAX) return undefined
  return ({ database }) => {
    database.run(DROP_VOLUMES, ...row.place)
    database.run(COUNT_VOLUMES, ...row.place)
  }
}

function tooMany({ place: [queue], more }: Row): string | undefined {
  if (Number(more) <= COUNTED_MAX) return undefined
  return `The queue number ${queue} has more than ${COUNTED_MAX} tasks of a state: they were not counted.`
}
