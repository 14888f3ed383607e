/** What core would hand to a store, made by hand: for loads that measure the port without a client. */
import { item } from '../item.ts'
import type { Demand, TaskGroup, TaskSpec } from '@millrace/core/store'

const TYPE = 'bench'
const QUEUE = 'default'
const TTL_MS = 60_000
export const SESSION = '019abcde-0000-7000-8000-000000000001'

/** As core resolves them when a definition says nothing. */
const policy = { retry: { kind: 'exponential', attempts: 3, baseMs: 1_000, maxMs: 300_000 } } as const
const TIMEOUT_MS = 900_000

const NONE: readonly never[] = []
const EMPTY = {}

let made = 0

/** A UUID of version 7: sorted by age, as those of clients are. */
function nextId(): string {
  made += 1
  const count = made.toString(16).padStart(10, '0')
  const random = Math.floor(Math.random() * 2 ** 48)
  return `019abcde-${count.slice(0, 4)}-7${count.slice(4, 7)}-8${count.slice(7)}-${random.toString(16).padStart(12, '0')}`
}

function spec(n: number, special: Partial<TaskSpec> = {}): TaskSpec {
  return {
    id: nextId(),
    idMadeBy: 'client',
    digest: n.toString(36).padStart(16, '0'),
    type: TYPE,
    needs: NONE,
    queue: QUEUE,
    level: 2,
    lane: null,
    dueByMs: null,
    due: { inMs: 0 },
    held: false,
    payload: JSON.stringify(item(n)),
    policy,
    timeoutMs: TIMEOUT_MS,
    startByMs: null,
    deadlineMs: null,
    after: NONE,
    unique: null,
    tags: NONE,
    metadata: EMPTY,
    headers: EMPTY,
    ...special,
  }
}

/** One group per task, as single enqueues are. */
export function groups(from: number, count: number, special?: Partial<TaskSpec>): TaskGroup[] {
  return Array.from({ length: count }, (_, index) => ({
    tasks: [spec(from + index, special)],
    under: null,
    gate: null,
  }))
}

let nonces = 0

export function newNonce(): string {
  nonces += 1
  return nonces.toString(16).padStart(16, '0')
}

export const session = {
  session: SESSION,
  ttlMs: TTL_MS,
  host: 'bench',
  pid: process.pid,
  queues: [QUEUE],
  types: [TYPE],
  offers: NONE,
  concurrency: 100,
  state: 'running',
  definitions: NONE,
} as const

/** Slots by the default weights. The lists are the same arrays each time, as the port has it. */
export function demandOf(tasksMax: number): Omit<Demand, 'cursor'> {
  const weights = [16, 8, 4, 2, 1] as const
  const slots = weights.map((weight) => Math.round((tasksMax * weight) / 31)) as [
    number,
    number,
    number,
    number,
    number,
  ]
  return {
    types: session.types,
    offers: session.offers,
    queues: [{ queue: QUEUE, slots, tasksMax }],
    tasksMax,
    quantum: Math.ceil(tasksMax / 20),
    bytesMax: 8 * 2 ** 20,
    turn: null,
  }
}
