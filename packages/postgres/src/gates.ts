/** Gates: a large graph is written behind one, and starts by one decision. */
import { oneLess } from './dependents.ts'
import { save } from './saving.ts'
import {
  BEHIND_GATE,
  BEHIND_GATES,
  DECIDE_GATE,
  FIND_GATE,
  FORGET_GATES,
  LATE_GATES,
  LOCK_GATE,
  NAME_GATE,
} from './statements/dependents.ts'
import { draftOf, loadLive, remove, type Draft } from './tasks.ts'
import type { Pass } from './pass.ts'

/** A gate must be opened so long after it was first named. */
const OPENS_WITHIN_MS = 3_600_000
/** What was decided about it is remembered so long. */
const REMEMBERED_MS = 86_400_000
/** How many tasks one operation lets through; the next one, or `deliver`, goes on. */
const THROUGH_MAX = 1_000

const CODE = { shut: 0, open: 1, gone: 2 } as const

export interface Gate {
  readonly key: number
  readonly fate: keyof typeof CODE
}

type GateRow = readonly [key: number, namedAt: number, state: number, decidedAt: number | null]

const FATES: readonly Gate['fate'][] = ['shut', 'open', 'gone']

/** What the store knows of a gate. Looking at one whose time is over decides it. */
export async function gateNamed(
  pass: Pass,
  name: string,
  statement: string = FIND_GATE,
): Promise<Gate | undefined> {
  let [row] = await pass.connection.rows<GateRow>(statement, [name])
  if (row === undefined) return undefined
  const [key, namedAt, state, decidedAt] = row
  if (decidedAt !== null && decidedAt + REMEMBERED_MS <= pass.now) {
    await forgetGates(pass)
    ;[row] = await pass.connection.rows<GateRow>(statement, [name])
    if (row === undefined) return undefined
  }
  if (state === CODE.shut && namedAt + OPENS_WITHIN_MS <= pass.now) return decide(pass, key, 'gone')
  return { key, fate: FATES[state]! }
}

async function decide({ connection, now }: Pass, key: number, fate: 'open' | 'gone'): Promise<Gate> {
  await connection.run(DECIDE_GATE, [CODE[fate], now, key])
  return { key, fate }
}

/** The gate by that name, named now if it was not before. */
export async function nameGate(pass: Pass, name: string): Promise<Gate> {
  const known = await gateNamed(pass, name)
  if (known !== undefined) return known
  await pass.connection.run(NAME_GATE, [name, pass.now])
  return (await gateNamed(pass, name))!
}

/** A gate that nobody has named yet: it is named now, and gone. `undefined`: somebody named it meanwhile. */
async function namedInVain(pass: Pass, name: string): Promise<Gate | undefined> {
  const isNew = (await pass.connection.run(NAME_GATE, [name, pass.now])) > 0
  return isNew ? decide(pass, (await gateNamed(pass, name))!.key, 'gone') : undefined
}

async function forgetGates({ connection, now }: Pass): Promise<void> {
  await connection.run(FORGET_GATES, [now - REMEMBERED_MS])
}

export interface Opened {
  readonly fate: 'open' | 'gone'
  readonly more: boolean
}

/**
 * Opens a gate, and lets through as many tasks as one operation may. One that the store does not know was
 * never named, or is forgotten with what became of it; both times nothing waits behind it, so it is gone.
 */
export async function openGate(pass: Pass, name: string): Promise<Opened> {
  const known =
    (await gateNamed(pass, name, LOCK_GATE)) ??
    (await namedInVain(pass, name)) ??
    (await gateNamed(pass, name, LOCK_GATE))!
  const gate = known.fate === 'shut' ? await decide(pass, known.key, 'open') : known
  if (gate.fate !== 'open') return { fate: 'gone', more: false }
  const rows = await pass.connection.rows<[string]>(BEHIND_GATE, [gate.key, THROUGH_MAX + 1])
  await letThrough(
    pass,
    rows.slice(0, THROUGH_MAX).map(([id]) => id),
  )
  return { fate: 'open', more: rows.length > THROUGH_MAX }
}

async function letThrough(pass: Pass, ids: readonly string[]): Promise<void> {
  await loadLive(pass, ids)
  for (const id of ids) {
    const draft = draftOf(pass, id)
    if (draft !== undefined && draft.task.gate !== null) leaveGate(pass, draft)
  }
  await save(pass)
}

function leaveGate(pass: Pass, draft: Draft): void {
  draft.task.gate = null
  oneLess(pass, draft)
}

export interface Progress {
  readonly changed: number
  readonly more: boolean
}

/** Goes on where opened gates had more tasks than one operation may let through. */
export async function openGatesOn(pass: Pass, tasksMax: number): Promise<Progress> {
  const rows = await pass.connection.rows<[string]>(BEHIND_GATES, [CODE.open, tasksMax + 1])
  const ids = rows.slice(0, tasksMax).map(([id]) => id)
  await letThrough(pass, ids)
  return { changed: ids.length, more: rows.length > tasksMax }
}

/** A duplicate that waits behind a gate which was not opened goes over to the one that its group names, or to none. */
export function changeGate(pass: Pass, draft: Draft, next: Gate | null): void {
  const { task } = draft
  if (task.gate === null || task.gate === next?.key) return
  if (next === null || next.fate === 'open') leaveGate(pass, draft)
  else task.gate = next.key
}

/** Removes what waits behind gates that nobody opened in time. */
export async function clearGates(pass: Pass, tasksMax: number): Promise<Progress> {
  const { connection, now } = pass
  await connection.run(LATE_GATES, [now - OPENS_WITHIN_MS, now])
  await forgetGates(pass)
  const rows = await connection.rows<[string]>(BEHIND_GATES, [CODE.gone, tasksMax + 1])
  const ids = rows.slice(0, tasksMax).map(([id]) => id)
  await loadLive(pass, ids)
  for (const id of ids) {
    const draft = draftOf(pass, id)
    if (draft !== undefined && draft.task.gate !== null) remove(pass, draft, null)
  }
  return { changed: ids.length, more: rows.length > tasksMax }
}
