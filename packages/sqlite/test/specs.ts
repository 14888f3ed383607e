/** Tasks, demands and settlements for tests that need many of them and care little how they look. */
import { randomUUID } from 'node:crypto'
import type {
  Claim,
  Demand,
  ExchangeRequest,
  SessionRequest,
  Settlement,
  TaskGroup,
  TaskSpec,
} from '@millrace/core/store'

const POLICY = { retry: { kind: 'fixed', attempts: 3, baseMs: 1_000 } } as const
const NONE: readonly never[] = []
const EMPTY = {}

export function spec(changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    id: randomUUID(),
    idMadeBy: 'client',
    digest: '0123456789abcdef',
    type: 'work',
    needs: NONE,
    queue: 'default',
    level: 2,
    lane: null,
    dueByMs: null,
    due: { inMs: 0 },
    held: false,
    payload: '{"n":1}',
    policy: POLICY,
    timeoutMs: null,
    startByMs: null,
    deadlineMs: null,
    after: NONE,
    unique: null,
    tags: NONE,
    metadata: EMPTY,
    headers: EMPTY,
    ...changes,
  }
}

export function group(...tasks: readonly TaskSpec[]): TaskGroup {
  return { tasks, under: null, gate: null }
}

export function groups(count: number, changes: Partial<TaskSpec> = {}): readonly TaskGroup[] {
  return Array.from({ length: count }, () => group(spec(changes)))
}

function nonce(): string {
  return randomUUID().replaceAll('-', '').slice(16)
}

export function session(changes: Partial<SessionRequest> = {}): SessionRequest {
  return {
    session: randomUUID(),
    ttlMs: 3_600_000,
    host: 'host',
    pid: 1,
    queues: ['default'],
    types: ['work'],
    offers: [],
    concurrency: 10,
    state: 'running',
    definitions: [],
    ...changes,
  }
}

const TYPES = ['work']

export function demand(tasksMax: number, changes: Partial<Demand> = {}): Demand {
  return {
    types: TYPES,
    offers: NONE,
    queues: [{ queue: 'default', slots: [0, 0, 0, 0, 0], tasksMax }],
    tasksMax,
    quantum: 1,
    bytesMax: 8_000_000,
    cursor: null,
    turn: null,
    ...changes,
  }
}

export function succeeded({ id, epoch, nonce: of }: Claim): Settlement {
  const fence = { task: id, epoch, nonce: of }
  return { fence, seq: 1, transition: { to: 'succeeded', result: 'true' }, notes: null }
}

export function exchange(of: string, changes: Partial<ExchangeRequest> = {}): ExchangeRequest {
  return { session: of, nonce: nonce(), again: false, settlements: [], demand: null, ...changes }
}
