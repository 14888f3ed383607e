/** Requests to a store, made of what a step says. */
import { UNIT, type Step, type TaskPlan } from './steps.ts'
import type { Demand, Retention } from '../store/port.ts'
import type { Fence, FinalState, Lane, TaskId, TaskSpec, UniqueSpec } from '../store/records.ts'
import type { Settlement } from '../store/settlement.ts'

export function retentionOf({ states, units }: Extract<Step, { kind: 'prune' }>): Retention {
  const age = (state: FinalState): number | null => (states.includes(state) ? units * UNIT : null)
  return {
    succeededMs: age('succeeded'),
    cancelledMs: age('cancelled'),
    failedMs: age('failed'),
    count: null,
    bytes: null,
  }
}

/** A settlement but for what differs between the sides. */
export interface Draft {
  readonly seq: number
  readonly transition: Settlement['transition']
  readonly note: boolean
}

export function settlementOf({ seq, transition, note }: Draft, fence: Fence, base: number): Settlement {
  const logs = [{ at: base, level: 'info', message: `settlement ${seq}`, data: null }] as const
  return { fence, seq, transition, notes: note ? { progress: { fraction: 0.5, message: null }, logs } : null }
}

export function demandOf(
  types: readonly string[],
  offers: readonly string[],
  queues: readonly string[],
): Demand {
  const slots = [0, 1, 0, 2, 0] as const
  const tasksMax = 1_000
  return {
    types,
    offers,
    queues: queues.map((queue) => ({ queue, slots, tasksMax })),
    tasksMax,
    quantum: 1,
    bytesMax: 1_000_000,
    cursor: null,
    turn: null,
  }
}

/** A task of a step with its place in the home. */
export interface Placed extends TaskPlan {
  readonly id: TaskId
  readonly after: readonly TaskId[]
}

export function specOf(placed: Placed, base: number): TaskSpec {
  const { id, type, needs, level, held, unique, tags, after, ifFailed, digest, limit, due, timeout } = placed
  const { fifo, dueBy } = placed
  const limitMs = (kind: 'startBy' | 'deadline'): number | null =>
    limit?.kind === kind && !fifo ? limit.units * UNIT : null
  return {
    id,
    idMadeBy: placed.slot % 2 === 0 ? 'client' : 'user',
    digest: digest.padStart(16, '0'),
    type,
    needs,
    // all that have keys, or an order, stand apart: which of them starts over first is left to the store
    queue: unique === null && !fifo ? placed.queue : 'keyed',
    level,
    lane: laneOf(placed),
    dueByMs: dueBy === null ? null : (dueBy * UNIT) / 2,
    due: 'in' in due ? { inMs: due.in * UNIT } : { at: base + due.at * UNIT },
    held,
    payload: `"${placed.slot}"`,
    policy: { retry: { kind: 'fixed', attempts: 3, baseMs: 1_000 } },
    timeoutMs: timeout === null ? null : timeout * UNIT,
    startByMs: limitMs('startBy'),
    deadlineMs: limitMs('deadline'),
    after: after.map((parent) => ({ parent, ifFailed })),
    unique: uniqueOf(unique),
    tags,
    metadata: {},
    headers: {},
  }
}

function laneOf({ slot, partition, fifo, limited }: Placed): Lane | null {
  if (partition === null && !fifo && !limited) return null
  const limits = limited ? [{ name: 'lim', key: `k${slot % 2}`, cost: 1 }] : []
  const prefers = partition === 'q' ? ['ssd'] : []
  return { partition, fifo, limits, prefers, spillMs: 1.5 * UNIT }
}

function uniqueOf(unique: TaskPlan['unique']): UniqueSpec | null {
  if (unique === null) return null
  const { while: held } = unique
  return { ...unique, while: typeof held === 'object' ? { withinMs: held.units * UNIT } : held }
}

export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`
}
