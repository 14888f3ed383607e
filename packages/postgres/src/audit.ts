/** Looks over what is kept beside the tasks, table by table, and mends what is certain. */
import {
  defectOf,
  type AuditAnswer,
  type AuditRequest,
  type KeptDefect,
  type StoreDefect,
} from '@millrace/core/store'
import { engineDefects } from './engine-audit.ts'
import { notOurs } from './filters.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import {
  ABOUT_FINAL,
  BLOCKED,
  CLAIMS,
  DROP_CLAIM,
  DROP_LIMIT_KEY,
  EDGES,
  HOLD_FINAL,
  LIMIT_KEYS,
  MEND_EDGE,
  MEND_TASK,
  MEND_VOLUMES,
  NEXT_QUEUE,
  TASKS,
  VOLUMES,
} from './statements/audit.ts'

type Place = readonly (number | string)[]

interface Row {
  readonly place: Place
  /** What is wrong, where there are several ways to mend it. */
  readonly what: string
}

interface Check {
  readonly statement: string
  /** Before all places. */
  readonly from: Place
  /** What mends a row, and its values; `undefined`: that is not certain. */
  readonly mend?: (row: Row, pass: Pass) => readonly [statement: string, values: unknown[]] | undefined
}

const NIL = '00000000-0000-0000-0000-000000000000'
const dropping =
  (statement: string) =>
  ({ place }: Row): readonly [string, unknown[]] => [statement, [...place]]

const CHECKS: Readonly<Record<string, Check>> = {
  tasks: { statement: TASKS, from: [NIL], mend: mendTask },
  blocked: { statement: BLOCKED, from: [NIL] },
  edges: { statement: EDGES, from: [NIL, NIL], mend: mendEdge },
  claims: { statement: CLAIMS, from: [-1, '-9223372036854775808'], mend: dropping(DROP_CLAIM) },
  limits: { statement: LIMIT_KEYS, from: [-1], mend: dropping(DROP_LIMIT_KEY) },
}

/** In this order. */
const NAMES: readonly string[] = ['engine', ...Object.keys(CHECKS), 'volumes']

/** More than so many final tasks are not counted: it would take seconds. */
const COUNTED_MAX = 500_000

export async function audit(home: Home, { cursor, ...request }: AuditRequest): Promise<AuditAnswer> {
  const known = cursor === null ? undefined : cursorOf(cursor)
  return inPass(home, async (pass) => {
    const { name, since, place } = known ?? { name: NAMES[0]!, since: pass.now, place: undefined }
    const following = NAMES[NAMES.indexOf(name) + 1]
    const next = following === undefined ? null : `${following} ${since}`
    const check = CHECKS[name]
    if (check !== undefined) return look(pass, { name, check, place, since, next }, request)
    if (name === 'engine') return { ...(await engineDefects(pass)), next }
    return countQueue(pass, { after: Number(place?.[0] ?? 0), since }, request.repair)
  })
}

interface Looking {
  readonly name: string
  readonly check: Check
  readonly place: Place | undefined
  /** When the audit began. */
  readonly since: number
  readonly next: string | null
}

async function look(
  pass: Pass,
  { name, check, place, since, next }: Looking,
  { limit, repair }: Omit<AuditRequest, 'cursor'>,
): Promise<AuditAnswer> {
  const { statement, from } = check
  const values = [...(place ?? from), limit, since]
  const rows = await pass.connection.rows<(string | number | null)[]>(statement, values)
  const defects: StoreDefect[] = []
  for (const columns of rows) {
    const [code, subject, detail, what] = columns.slice(from.length)
    if (code === null) continue
    const row = { place: columns.slice(0, from.length) as Place, what: String(what) }
    const mend = check.mend?.(row, pass)
    if (repair && mend !== undefined) {
      await pass.connection.run(...mend)
      pass.hint.ready = true
    }
    const remedy = mend === undefined ? 'operator' : 'repair'
    defects.push(
      defectOf({
        code: code as KeptDefect['code'],
        subject: String(subject),
        detail: String(detail),
        remedy,
      }),
    )
  }
  const last = rows.at(-1)?.slice(0, from.length)
  return {
    defects,
    unseen: [],
    next: rows.length < limit ? next : `${name} ${since} ${JSON.stringify(last)}`,
  }
}

function mendTask({ place: [id], what }: Row, { now }: Pass): readonly [string, unknown[]] | undefined {
  const statement = MEND_TASK[what]
  return statement === undefined ? undefined : [statement, [id, now]]
}

function mendEdge({ place, what }: Row): readonly [string, unknown[]] | undefined {
  const statement = MEND_EDGE[what]
  return statement === undefined ? undefined : [statement, [...place]]
}

/** One queue a page: what its volumes say of what has ended is compared with what there is. */
async function countQueue(
  { connection }: Pass,
  { after, since }: { readonly after: number; readonly since: number },
  repair: boolean,
): Promise<AuditAnswer> {
  const [row] = await connection.rows<[number | null]>(NEXT_QUEUE, [after])
  const queue = row![0]
  if (queue === null) return { defects: [], unseen: [], next: null }
  const [about] = await connection.rows<[number]>(ABOUT_FINAL)
  if (about![0] > COUNTED_MAX) {
    const unseen = `There are about ${about![0]} tasks that have ended: they were not counted.`
    return { defects: [], unseen: [unseen], next: null }
  }
  await connection.run(HOLD_FINAL)
  const [found] = await connection.rows<[name: string, detail: string | null]>(VOLUMES, [queue])
  const next = `volumes ${since} ${JSON.stringify([queue])}`
  if (found === undefined || found[1] === null) return { defects: [], unseen: [], next }
  if (repair) await connection.run(MEND_VOLUMES, [queue])
  const [subject, detail] = found
  return {
    defects: [defectOf({ code: 'queue-counts', subject, detail, remedy: 'repair' })],
    unseen: [],
    next,
  }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

interface Cursor {
  readonly name: string
  readonly since: number
  readonly place: Place | undefined
}

/** @throws InvalidArgumentError */
function cursorOf(cursor: string): Cursor {
  const [, name = '', since, text] = /^(\w+) (\d{1,15})(?: (.*))?$/s.exec(cursor) ?? []
  const from = name === 'volumes' ? [0] : CHECKS[name]?.from
  if (from === undefined) throw notOurs(cursor)
  if (text === undefined) return { name, since: Number(since), place: undefined }
  const place = parsed(text)
  const fits = place?.length === from.length && place.every((one, index) => isLike(one, from[index]!))
  if (!fits) throw notOurs(cursor)
  return { name, since: Number(since), place: place as Place }
}

function isLike(one: unknown, other: string | number): boolean {
  if (typeof other === 'number') return Number.isSafeInteger(one)
  return typeof one === 'string' && (other === NIL ? UUID : /^-?\d{1,19}$/).test(one)
}

function parsed(text: string): readonly unknown[] | undefined {
  try {
    const place = JSON.parse(text) as unknown
    return Array.isArray(place) ? place : undefined
  } catch {
    // whoever wrote it did not get it here
    return undefined
  }
}
