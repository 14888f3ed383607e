/** The gates behind which large graphs are written, and who waits behind them. */
import type { Home, Pass } from './home.ts'
import type { Task } from './task.ts'

/** A gate must be opened so long after it was first named. */
const OPENS_WITHIN_MS = 3_600_000
/** What was decided about it is remembered so long. */
const REMEMBERED_MS = 86_400_000

export interface Gate {
  readonly namedAt: number
  decision: { readonly fate: 'open' | 'gone'; readonly at: number } | null
  readonly tasks: Set<Task>
}

/** What the store knows of a gate. Looking at one whose time is over decides it; one that nobody remembers is none. */
export function gateNamed({ home, now }: Pass, name: string): Gate | undefined {
  const gate = home.gates.get(name)
  if (gate === undefined) return undefined
  if (gate.decision === null && gate.namedAt + OPENS_WITHIN_MS <= now)
    gate.decision = { fate: 'gone', at: now }
  const forgotten = gate.decision !== null && gate.decision.at + REMEMBERED_MS <= now && gate.tasks.size === 0
  if (!forgotten) return gate
  home.gates.delete(name)
  return undefined
}

export function decideGate({ home, now }: Pass, name: string, fate: 'open' | 'gone'): Gate {
  const gate = home.gates.get(name) ?? { namedAt: now, decision: null, tasks: new Set() }
  gate.decision = { fate, at: now }
  home.gates.set(name, gate)
  return gate
}

/** The gate by that name, named now if it was not before. */
export function nameGate(pass: Pass, name: string): Gate {
  const known = gateNamed(pass, name)
  if (known !== undefined) return known
  const gate: Gate = { namedAt: pass.now, decision: null, tasks: new Set() }
  pass.home.gates.set(name, gate)
  return gate
}

/** Whether it holds tasks back: it was not opened yet. */
export function isShut(gate: Gate): boolean {
  return gate.decision?.fate !== 'open'
}

export function waitBehind(pass: Pass, task: Task, name: string): void {
  nameGate(pass, name).tasks.add(task)
  task.gate = name
}

export function leaveGate(home: Home, task: Task): void {
  if (task.gate === null) return
  home.gates.get(task.gate)?.tasks.delete(task)
  task.gate = null
}
