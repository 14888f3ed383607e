/** Gates: a large graph is written behind one, and starts by one decision. */
import { oneLess } from './dependents.ts'
import {
  BEHIND_GATE,
  DECIDE_GATE,
  FIND_GATE,
  FORGET_GATES,
  LATE_GATES,
  NAME_GATE,
  UNSETTLED_GATES,
} from './statements/dependents.ts'
import { draftOf, remove, save, type Draft } from './tasks.ts'
import type { Pass } from './home.ts'

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
export function gateNamed(pass: Pass, name: string): Gate | undefined {
  let row = pass.database.get<GateRow>(FIND_GATE, name)
  if (row === undefined) return undefined
  const [key, namedAt, state, decidedAt] = row
  if (decidedAt !== null && decidedAt + REMEMBERED_MS <= pass.now) {
    forgetGates(pass)
    row = pass.database.get<GateRow>(FIND_GATE, name)
    if (row === undefined) return undefined
  }
  if (state === CODE.shut && namedAt + OPENS_WITHIN_MS <= pass.now) return decide(pass, key, 'gone')
  return { key, fate: FATES[state]! }
}

function decide(pass: Pass, key: number, fate: 'open' | 'gone'): Gate {
  pass.database.run(DECIDE_GATE, CODE[fate], pass.now, key)
  return { key, fate }
}

/** The gate by that name, named now if it was not before. */
export function nameGate(pass: Pass, name: string): Gate {
  const known = gateNamed(pass, name)
  if (known !== undefined) return known
  pass.database.run(NAME_GATE, name, pass.now)
  return gateNamed(pass, name)!
}

function forgetGates(pass: Pass): void {
  pass.database.run(FORGET_GATES, pass.now - REMEMBERED_MS)
}

/**
 * Opens a gate, and lets through as many tasks as one operation may. One that the store does not know was
 * never named, or is forgotten with what became of it; both times nothing waits behind it, so it is gone.
 */
export function openGate(
  pass: Pass,
  name: string,
): { readonly fate: 'open' | 'gone'; readonly more: boolean } {
  const known = gateNamed(pass, name)
  const gate =
    known?.fate === 'shut'
      ? decide(pass, known.key, 'open')
      : (known ?? decide(pass, nameGate(pass, name).key, 'gone'))
  if (gate.fate !== 'open') return { fate: 'gone', more: false }
  return { fate: 'open', more: letThrough(pass, gate.key, THROUGH_MAX).more }
}

function letThrough(
  pass: Pass,
  gate: number,
  tasksMax: number,
): { readonly changed: number; readonly more: boolean } {
  const seqs = pass.database.all<[number]>(BEHIND_GATE, gate, tasksMax + 1)
  const now = seqs.slice(0, tasksMax)
  for (const [seq] of now) leaveGate(pass, draftOf(pass, seq)!)
  return { changed: now.length, more: seqs.length > now.length }
}

function leaveGate(pass: Pass, draft: Draft): void {
  draft.task.gate = null
  oneLess(pass, draft)
}

/** Goes on with gates that were opened before more tasks than one operation may let through. */
export function openGatesOn(
  pass: Pass,
  tasksMax: number,
): { readonly changed: number; readonly more: boolean } {
  let changed = 0
  for (const [gate] of pass.database.all<[number]>(UNSETTLED_GATES, CODE.open, tasksMax + 1)) {
    const through = letThrough(pass, gate, tasksMax - changed)
    changed += through.changed
    if (through.more) return { changed, more: true }
  }
  return { changed, more: false }
}

/** A duplicate that waits behind a gate which was not opened goes over to the one that its group names, or to none. */
export function changeGate(pass: Pass, seq: number, next: Gate | null): void {
  const draft = draftOf(pass, seq)
  if (draft === undefined || draft.task.gate === null || draft.task.gate === next?.key) return
  if (next === null || next.fate === 'open') {
    leaveGate(pass, draft)
    return
  }
  draft.task.gate = next.key
  save(pass, draft)
}

/** Removes what waits behind gates that nobody opened in time. */
export function clearGates(
  pass: Pass,
  tasksMax: number,
): { readonly changed: number; readonly more: boolean } {
  const { database, now } = pass
  for (const [gate] of database.all<[number]>(LATE_GATES, now - OPENS_WITHIN_MS)) decide(pass, gate, 'gone')
  forgetGates(pass)
  let changed = 0
  for (const [gate] of database.all<[number]>(UNSETTLED_GATES, CODE.gone, tasksMax + 1)) {
    const seqs = database.all<[number]>(BEHIND_GATE, gate, tasksMax - changed + 1)
    for (const [seq] of seqs.slice(0, tasksMax - changed)) remove(pass, draftOf(pass, seq)!, null)
    if (seqs.length > tasksMax - changed) return { changed: tasksMax, more: true }
    changed += seqs.length
  }
  return { changed, more: false }
}
