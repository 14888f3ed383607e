import { describe, expect, test } from 'vitest'
import { codeOf, MemoryStore, systemPlatform } from '@millrace/core'
import type { SessionRequest, Store, TaskSpec } from '@millrace/core/store'
import { Caller } from '../src/access/caller.ts'
import { permits, ROLES, type Permission, type Role } from '../src/access/roles.ts'
import { carry } from '../src/grpc/store-policy.ts'
import { markedHost, SessionOwners } from '../src/grpc/policy/session-owners.ts'
import { TaskQueues } from '../src/grpc/policy/task-queues.ts'
import { PORT_METHODS, type PortMethod, type Taken } from '../src/wire/methods.ts'
import { identity } from './harness.ts'

/** `done`: as for an admin. `nothing`: it is answered, and neither sees nor changes anything. */
type Fate = 'done' | 'nothing' | 'forbidden'

interface Expected {
  /** Any of them. */
  readonly needs: readonly Permission[]
  /** With a permission for the queue that it is about, with one for another queue, and with one for all. */
  readonly own: Fate
  readonly foreign: Fate
  readonly all?: Fate
  /** Of a worker for all queues that is no operator. */
  readonly worker?: Fate
}

const LOOK: readonly Permission[] = ['view', 'work']
const FOLLOW: readonly Permission[] = ['follow', 'view', 'work']

/** What SECURITY says, method by method: written down once more, and not taken from the rules. */
const EXPECTED: { readonly [M in PortMethod]: Expected } = {
  openSession: { needs: ['work'], own: 'done', foreign: 'forbidden' },
  renew: { needs: ['work'], own: 'done', foreign: 'forbidden', all: 'forbidden' },
  closeSession: { needs: ['work'], own: 'done', foreign: 'forbidden', all: 'forbidden' },
  exchange: { needs: ['work'], own: 'done', foreign: 'forbidden', all: 'forbidden' },
  reclaim: { needs: ['work'], own: 'nothing', foreign: 'forbidden', all: 'forbidden' },
  orderSession: { needs: ['operate'], own: 'done', foreign: 'forbidden' },
  add: { needs: ['enqueue'], own: 'done', foreign: 'forbidden' },
  openGate: { needs: ['enqueue'], own: 'done', foreign: 'done' },
  configureLimit: { needs: ['operate'], own: 'done', foreign: 'forbidden' },
  removeLimit: { needs: ['operate'], own: 'done', foreign: 'forbidden' },
  limits: { needs: LOOK, own: 'nothing', foreign: 'nothing' },
  configurePartition: { needs: ['operate'], own: 'forbidden', foreign: 'forbidden' },
  partitions: { needs: LOOK, own: 'nothing', foreign: 'nothing' },
  recount: { needs: ['administer'], own: 'forbidden', foreign: 'forbidden' },
  configureBudget: { needs: ['operate'], own: 'done', foreign: 'forbidden' },
  budgets: { needs: ['enqueue', ...LOOK], own: 'done', foreign: 'nothing' },
  usage: { needs: ['enqueue', ...LOOK], own: 'done', foreign: 'nothing' },
  spend: { needs: ['enqueue', 'work'], own: 'done', foreign: 'nothing' },
  putSchedule: { needs: ['operate'], own: 'forbidden', foreign: 'forbidden' },
  removeSchedule: { needs: ['operate'], own: 'forbidden', foreign: 'forbidden' },
  schedule: { needs: LOOK, own: 'nothing', foreign: 'nothing' },
  schedules: { needs: LOOK, own: 'nothing', foreign: 'nothing' },
  dueSchedules: { needs: LOOK, own: 'nothing', foreign: 'nothing' },
  tick: { needs: ['work'], own: 'nothing', foreign: 'nothing', worker: 'nothing' },
  acquireLock: { needs: ['work'], own: 'forbidden', foreign: 'forbidden' },
  renewLock: { needs: ['work'], own: 'forbidden', foreign: 'forbidden' },
  releaseLock: { needs: ['work'], own: 'forbidden', foreign: 'forbidden' },
  locks: { needs: LOOK, own: 'nothing', foreign: 'nothing' },
  sweep: { needs: ['work'], own: 'nothing', foreign: 'nothing' },
  deliver: { needs: ['work'], own: 'nothing', foreign: 'nothing' },
  prune: { needs: ['work'], own: 'nothing', foreign: 'nothing', worker: 'nothing' },
  command: { needs: ['operate'], own: 'done', foreign: 'nothing' },
  configureQueue: { needs: ['operate'], own: 'done', foreign: 'forbidden' },
  get: { needs: FOLLOW, own: 'done', foreign: 'nothing' },
  outcomes: { needs: FOLLOW, own: 'done', foreign: 'nothing' },
  list: { needs: LOOK, own: 'done', foreign: 'nothing' },
  queues: { needs: LOOK, own: 'done', foreign: 'nothing' },
  waitingRoutes: { needs: LOOK, own: 'done', foreign: 'nothing' },
  dueSoon: { needs: LOOK, own: 'done', foreign: 'nothing' },
  standing: { needs: FOLLOW, own: 'done', foreign: 'nothing' },
  sessions: { needs: LOOK, own: 'done', foreign: 'nothing' },
  definitions: { needs: ['enqueue', ...LOOK], own: 'done', foreign: 'nothing' },
  now: { needs: ['enqueue', ...FOLLOW, 'operate'], own: 'done', foreign: 'done' },
  audit: { needs: ['administer'], own: 'forbidden', foreign: 'forbidden' },
}

const id = (digit: number): string => `00000000-0000-7000-8000-00000000000${digit}`
const nonce = (digit: number): string => `000000000000000${digit}`
const [WAITING, EXPIRED, RUNNING, LAPSED, FRESH] = [id(1), id(2), id(3), id(4), id(5)]
const [SESSION, NEW_SESSION, DEAD_SESSION, CANCELLED] = [id(6), id(7), id(8), id(9)]
const OWN = 'mine.q'
const RATE = { concurrency: 5, rate: null }

function spec(taskId: string, queue: string, changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    id: taskId,
    idMadeBy: 'client',
    digest: taskId.slice(-1).padStart(16, 'd'),
    type: 'work',
    needs: [],
    queue,
    level: 2,
    lane: null,
    dueByMs: 1_000,
    due: { inMs: 0 },
    held: false,
    payload: '{}',
    policy: { retry: { kind: 'fixed', attempts: 3, baseMs: 1_000 } },
    timeoutMs: null,
    startByMs: null,
    deadlineMs: null,
    after: [],
    unique: null,
    tags: [],
    metadata: {},
    headers: {},
    ...changes,
  }
}

function session(name: string, queue: string, host: string, ttlMs = 3_600_000): SessionRequest {
  const definitions = [{ type: 'work', queue, level: 2, options: '{}', schema: null }]
  const worker = { pid: 1, types: ['work'], offers: [], concurrency: 1, state: 'running' } as const
  return { session: name, ttlMs, host, queues: [queue], definitions, ...worker }
}

function demandOf(queue: string): NonNullable<Taken<'exchange'>['demand']> {
  const queues = [{ queue, slots: [1, 1, 1, 1, 1] as const, tasksMax: 1 }]
  return {
    types: ['work'],
    offers: [],
    queues,
    tasksMax: 1,
    quantum: 1,
    bytesMax: 1_000,
    cursor: null,
    turn: null,
  }
}

/** A store where everything is about one queue, with something to do for each duty. */
async function stage(queue: string, owner: Caller): Promise<Store> {
  let shiftedMs = 0
  const platform = { ...systemPlatform, wallMs: () => 1_700_000_000_000 + shiftedMs }
  const store = new MemoryStore({ platform })
  await store.open()
  await store.openSession(session(SESSION, queue, markedHost('h', owner)))
  await store.openSession(session(DEAD_SESSION, queue, 'gone', 10))
  const add = (task: TaskSpec): Promise<unknown> =>
    store.add({ groups: [{ tasks: [task], under: null, gate: null }], again: false })
  for (const [name, task] of [
    [SESSION, RUNNING],
    [DEAD_SESSION, LAPSED],
  ] as const) {
    await add(spec(task, queue))
    const request = { session: name, again: false, settlements: [], demand: demandOf(queue) }
    await store.exchange({ ...request, nonce: nonce(Number(task.slice(-1))) })
  }
  await add(spec(EXPIRED, queue, { startByMs: 10 }))
  await add(spec(WAITING, queue, { due: { inMs: 0 } }))
  await add(spec(CANCELLED, queue))
  const target = { ids: [CANCELLED] }
  await store.command({ nonce: nonce(6), command: { kind: 'cancel', reason: null }, target, tasksMax: 1 })
  await store.configureLimit({
    nonce: nonce(9),
    name: `queue:${queue}`,
    version: null,
    allowance: RATE,
    shutMs: null,
    by: 'user',
  })
  await store.configurePartition({ partition: 'p', weight: 2 })
  await store.configureBudget({
    scope: { kind: 'queue', name: queue },
    budget: { tasks: 100, bytes: null, quota: null },
  })
  await store.putSchedule({
    name: 's',
    ifVersion: null,
    plan: '{}',
    paused: false,
    nextAt: 1_700_000_000_000,
  })
  await store.acquireLock({ name: 'l', holder: nonce(1), ttlMs: 3_600_000, about: 'x' })
  shiftedMs = 100
  return store
}

/** A call of each method that is about the queue, and would do or see something. */
async function callOf(method: PortMethod, queue: string, store: Store): Promise<unknown> {
  const calls: { readonly [M in PortMethod]: () => Taken<M> | Promise<Taken<M>> } = {
    openSession: () => session(NEW_SESSION, queue, 'h'),
    renew: () => ({ session: SESSION, ttlMs: 1_000, seq: 1, held: null, awaiting: [] }),
    closeSession: () => SESSION,
    exchange: () => ({
      session: SESSION,
      nonce: nonce(7),
      again: false,
      settlements: [],
      demand: demandOf(queue),
    }),
    reclaim: () => ({ session: SESSION, nonce: nonce(7), again: false, tasksMax: 10, graceMs: 0 }),
    orderSession: () => ({ session: SESSION, end: 'drain' }),
    add: () => ({ groups: [{ tasks: [spec(FRESH, queue)], under: null, gate: null }], again: false }),
    openGate: () => 'gate',
    configureLimit: () => ({
      nonce: nonce(8),
      name: `queue:${queue}`,
      version: null,
      allowance: RATE,
      shutMs: null,
      by: 'user',
    }),
    removeLimit: () => `queue:${queue}`,
    limits: () => ({ names: null, limit: 10, cursor: null, keysMax: 10 }),
    configurePartition: () => ({ partition: 'p', weight: 9 }),
    partitions: () => undefined,
    recount: () => undefined,
    configureBudget: () => ({ scope: { kind: 'queue', name: queue }, budget: null }),
    budgets: () => undefined,
    usage: () => [{ scope: { kind: 'queue', name: queue }, window: null }],
    spend: () => ({
      spender: 'x',
      spendings: [
        { scope: { kind: 'queue', name: queue }, window: { from: 0, until: 2e12 }, tasks: 5, handlerMs: 5 },
      ],
    }),
    putSchedule: () => ({ name: 'other', ifVersion: null, plan: '{}', paused: false, nextAt: null }),
    removeSchedule: () => 's',
    schedule: () => 's',
    schedules: () => ({ after: null, limit: 10 }),
    dueSchedules: () => ({ max: 10 }),
    tick: async () => {
      const { version, nextAt } = (await store.schedule('s'))!
      const fire = { fireAt: nextAt!, nextAt: null, lastAt: null, overlap: 'allow' } as const
      return { name: 's', version, tasks: [], ...fire }
    },
    acquireLock: () => ({ name: 'm', holder: nonce(2), ttlMs: 1_000, about: 'x' }),
    renewLock: () => ({ name: 'l', holder: nonce(1), ttlMs: 1_000 }),
    releaseLock: () => ({ name: 'l', holder: nonce(1) }),
    locks: () => undefined,
    sweep: () => ({ tasksMax: 10 }),
    deliver: () => ({ tasksMax: 10 }),
    prune: () => ({
      tasksMax: 10,
      retention: { succeededMs: 0, cancelledMs: 0, failedMs: 0, count: 0, bytes: 0 },
    }),
    command: () => ({ nonce: nonce(8), command: { kind: 'hold' }, target: { ids: [WAITING] }, tasksMax: 10 }),
    configureQueue: () => ({ queue, paused: true }),
    get: () => [WAITING],
    outcomes: () => ({ ids: [WAITING], bytesMax: 1_000 }),
    list: () => ({ filter: {}, limit: 10, cursor: null }),
    queues: () => undefined,
    waitingRoutes: () => undefined,
    dueSoon: () => ({ sinceMs: 10_000, withinMs: 10_000, limit: 10 }),
    standing: () => ({ id: WAITING, countMax: 10 }),
    sessions: () => undefined,
    definitions: () => undefined,
    now: () => undefined,
    audit: () => ({ cursor: null, limit: 10, repair: false }),
  }
  return calls[method]()
}

/** All that can be seen of a store. */
async function seen(store: Store): Promise<unknown> {
  const ids = [WAITING, EXPIRED, RUNNING, LAPSED, FRESH, CANCELLED]
  const scope = [{ scope: { kind: 'queue', name: OWN }, window: { from: 0, until: 2e12 } }] as const
  return {
    tasks: await store.get(ids),
    queues: await store.queues(),
    sessions: await store.sessions(),
    limits: await store.limits({ names: null, limit: 10, cursor: null, keysMax: 10 }),
    partitions: await store.partitions(),
    budgets: await store.budgets(),
    usage: await store.usage(scope),
    schedules: await store.schedules({ after: null, limit: 10 }),
    locks: await store.locks(),
  }
}

interface Told {
  readonly answer: unknown
  readonly refused: string | undefined
  readonly changed: boolean
}

async function tell(method: PortMethod, caller: Caller, owner: Caller): Promise<Told> {
  const store = await stage(OWN, owner)
  const scene = { caller, store, owners: new SessionOwners(store), queues: new TaskQueues(store) }
  const taken = await callOf(method, OWN, store)
  const before = JSON.stringify(await seen(store))
  let [answer, refused]: [unknown, string | undefined] = [undefined, undefined]
  try {
    answer = await carry(method, taken as never, scene)
  } catch (error) {
    refused = codeOf(error) ?? String(error)
  }
  return { answer, refused, changed: JSON.stringify(await seen(store)) !== before }
}

/** `foreign`: what is there is another credential's, and the role is for other queues. */
async function fateOf(method: PortMethod, role: Role, reach: 'own' | 'foreign' | 'all'): Promise<string> {
  const queues = { own: 'mine.*', foreign: 'other.*', all: '**' }[reach]
  const caller = new Caller(identity('key:caller', role, [queues]))
  const other = new Caller(identity('key:other', 'admin'))
  const told = await tell(method, caller, reach === 'own' ? caller : other)
  if (told.refused !== undefined) return told.changed ? 'refused, and done' : told.refused
  const admin = new Caller(identity('key:caller', 'admin'))
  const whole = await tell(method, admin, admin)
  if (JSON.stringify(told.answer) === JSON.stringify(whole.answer) && told.changed === whole.changed)
    return 'done'
  return told.changed ? 'partly done' : 'nothing'
}

describe('the rules of the store', () => {
  test('there is one for each method of the port', () => {
    expect(Object.keys(EXPECTED).toSorted()).toEqual(PORT_METHODS.toSorted())
  })

  for (const method of PORT_METHODS) {
    const expected = EXPECTED[method]
    test(`${method}: each role, own and foreign queues`, async () => {
      for (const role of ROLES) {
        const isPermitted = expected.needs.some((permission) => permits(role, permission))
        for (const reach of ['own', 'foreign', 'all'] as const) {
          const all = (role === 'worker' ? expected.worker : undefined) ?? expected.all ?? 'done'
          const fate = reach === 'all' ? all : expected[reach]
          const wanted = isPermitted ? fate : 'forbidden'
          // where there is nothing to do for anybody nothing is as much as all
          const accepted = method === 'deliver' && wanted === 'nothing' ? 'done' : wanted
          expect(`${role}, ${reach}: ${await fateOf(method, role, reach)}`).toBe(
            `${role}, ${reach}: ${accepted}`,
          )
        }
      }
    })
  }

  test('a worker leaves the upkeep to the server', async () => {
    const store = await stage(OWN, new Caller(identity('key:other', 'admin')))
    const lead = (role: Role): Promise<unknown> =>
      carry(
        'acquireLock',
        { name: '~upkeep', holder: nonce(4), ttlMs: 1_000, about: 'x' },
        {
          caller: new Caller(identity('key:caller', role)),
          store,
          owners: new SessionOwners(store),
          queues: new TaskQueues(store),
        },
      )
    expect(await lead('worker')).toMatchObject({ outcome: 'held' })
    expect(await lead('admin')).toMatchObject({ outcome: 'acquired' })
  })
})
