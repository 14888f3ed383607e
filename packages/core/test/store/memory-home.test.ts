/** Whatever is done to a memory store, all that it keeps beside its tasks agrees with them. */
import { expect, test } from 'vitest'
import { add } from '../../src/store/memory/adding.ts'
import { audit } from '../../src/store/memory/audit.ts'
import { command } from '../../src/store/memory/commander.ts'
import { deliver } from '../../src/store/memory/dependents.ts'
import { exchange } from '../../src/store/memory/exchanging.ts'
import { openGate } from '../../src/store/memory/gatekeeper.ts'
import { newHome, newPass, type Home, type Pass } from '../../src/store/memory/home.ts'
import { reclaim } from '../../src/store/memory/reclaiming.ts'
import { openSession, renew } from '../../src/store/memory/sessions.ts'
import {
  isFinal,
  isLive,
  ownerOf,
  retainedBytes,
  timeLimitOf,
  type Task,
} from '../../src/store/memory/task.ts'
import { prune, sweep } from '../../src/store/memory/upkeep.ts'
import type { StoreDefect } from '../../src/store/audit.ts'
import type { Command } from '../../src/store/control.ts'
import type { IfFailed, Level, TaskError, TaskSpec } from '../../src/store/records.ts'
import type { Transition } from '../../src/store/settlement.ts'

const ERROR: TaskError = { name: 'Error', message: 'it broke', code: null, stack: null }
const TRANSITIONS: readonly Transition[] = [
  { to: 'succeeded', result: '1' },
  { to: 'succeeded', result: null },
  { to: 'running', checkpoint: '1' },
  { to: 'pending', count: 'failure', delayMs: 50, error: ERROR },
  { to: 'pending', count: 'isolated-crash', delayMs: null, error: ERROR },
  { to: 'pending', count: 'return', delayMs: null, error: null },
  { to: 'pending', count: 'snooze', delayMs: 20, error: null },
  { to: 'failed', count: 'none', reason: 'invalid', error: ERROR },
  { to: 'failed', count: 'failure', reason: 'error', error: ERROR },
  { to: 'cancelled', error: null },
]
const COMMANDS: readonly Command[] = [
  { kind: 'cancel', reason: 'why not' },
  { kind: 'retry', payload: null },
  { kind: 'retry', payload: 'other' },
  { kind: 'remove' },
  { kind: 'hold' },
  { kind: 'release' },
  { kind: 'edit', payload: null, level: 0, runAt: null },
]

/** Does one thing after the other, drawn from a seed. */
class Chaos {
  readonly home: Home = newHome()
  #now = 1_000
  #state: number
  #drawn = 0

  constructor(seed: number) {
    this.#state = seed
  }

  do(): void {
    this.#now += this.#draw(3) === 0 ? this.#draw(40) : 0
    const pass = newPass(this.home, this.#now)
    pass.resolutionsLeft = this.#draw(5)
    const things = [
      () => this.#add(pass),
      () => this.#exchange(pass),
      () => this.#exchange(pass),
      () => this.#command(pass),
      () => this.#renewOrReclaim(pass),
      () => sweep(pass, { tasksMax: this.#draw(4) }),
      () => deliver(pass, { tasksMax: this.#draw(4) }),
      () => openGate(pass, `gate ${this.#draw(20)}`),
      () => this.#prune(pass),
    ]
    this.#pick(things)()
  }

  #draw(below: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((this.#state / 2 ** 32) * below)
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.#draw(of.length)]!
  }

  #maybe<T>(value: T): T | null {
    return this.#draw(4) === 0 ? value : null
  }

  #spec(): TaskSpec {
    const id = this.#draw(5) === 0 ? this.#id() : `task ${++this.#drawn}`
    const then = this.#pick(['keep', 'replace', 'reject'] as const)
    const held = this.#pick(['live', 'waiting', { withinMs: 1 + this.#draw(200) }] as const)
    const parents = new Set([this.#id(), this.#id()].filter(() => this.#draw(3) === 0))
    return {
      id,
      idMadeBy: this.#pick(['client', 'user'] as const),
      digest: 'd',
      type: this.#pick(['one', 'two']),
      needs: this.#draw(3) === 0 ? ['gpu'] : [],
      queue: this.#pick(['left', 'right']),
      level: this.#draw(5) as Level,
      lane: null,
      dueByMs: null,
      due: { inMs: this.#draw(2) * this.#draw(80) },
      held: this.#draw(6) === 0,
      payload: 'x'.repeat(this.#draw(10)),
      policy: { retry: { kind: 'custom', attempts: 3 } },
      timeoutMs: this.#maybe(30),
      startByMs: this.#maybe(this.#draw(100)),
      deadlineMs: this.#maybe(this.#draw(200)),
      after: [...parents].map((parent) => ({
        parent,
        ifFailed: this.#pick<IfFailed>(['cancel', 'fail', 'run', 'trigger']),
      })),
      unique: this.#maybe({ key: `key ${this.#draw(6)}`, while: held, then }),
      tags: [],
      metadata: {},
      headers: {},
    }
  }

  /** One of the latest, which may be there or not. */
  #id(): string {
    return `task ${Math.max(this.#drawn - this.#draw(30), 1)}`
  }

  #add(pass: Pass): void {
    const groups = Array.from({ length: 2 }, () => {
      const tasks = Array.from({ length: 1 + this.#draw(3) }, () => this.#spec())
      const replaces = tasks.some(({ unique }) => unique?.then === 'replace')
      return { tasks, under: null, gate: replaces ? null : this.#maybe(`gate ${this.#draw(20)}`) }
    })
    add(pass, { groups, again: false })
  }

  #session(pass: Pass): string {
    const session = `session ${Math.floor(this.#now / 400)} ${this.#draw(2)}`
    const shown = {
      host: 'h',
      pid: 1,
      queues: [],
      types: [],
      offers: [],
      concurrency: 1,
      state: 'running' as const,
      definitions: [],
    }
    if (this.#draw(3) === 0) openSession(pass, { session, ttlMs: 200, ...shown })
    return session
  }

  #nonce(): string {
    return `nonce ${++this.#state}`
  }

  #exchange(pass: Pass): void {
    const running = [...this.home.running].filter(() => this.#draw(2) === 0)
    exchange(pass, {
      session: this.#session(pass),
      nonce: this.#nonce(),
      again: false,
      settlements: running.map((task) => ({
        fence: { task: task.spec.id, epoch: task.epoch, nonce: ownerOf(task).nonce },
        seq: this.#draw(3),
        transition: this.#pick(TRANSITIONS),
        notes: null,
      })),
      demand: {
        types: ['one', 'two'],
        offers: this.#draw(2) === 0 ? ['gpu'] : [],
        queues: ['left', 'right'].map((queue) => ({
          queue,
          slots: [1, 0, 1, 0, 1],
          tasksMax: this.#draw(5),
        })),
        tasksMax: this.#draw(7),
        quantum: 1,
        bytesMax: this.#draw(30),
        cursor: null,
        turn: null,
      },
    })
  }

  #command(pass: Pass): void {
    const filter = { filter: { queue: 'left' }, cursor: null }
    const target = this.#draw(8) === 0 ? filter : { ids: [this.#id(), this.#id()] }
    command(pass, {
      nonce: this.#nonce(),
      command: this.#pick(COMMANDS),
      target,
      tasksMax: 1 + this.#draw(3),
    })
  }

  #renewOrReclaim(pass: Pass): void {
    const session = this.#session(pass)
    const held = [...this.home.running]
      .filter(() => this.#draw(2) === 0)
      .map((task) => ({
        fence: { task: task.spec.id, epoch: task.epoch, nonce: ownerOf(task).nonce },
        started: true,
      }))
    if (this.#draw(2) === 0) renew(pass, { session, ttlMs: 200, seq: ++this.#drawn, held, awaiting: [] })
    else reclaim(pass, { session, nonce: this.#nonce(), again: false, tasksMax: this.#draw(4), graceMs: 20 })
  }

  #prune(pass: Pass): void {
    const retention = {
      succeededMs: this.#maybe(50),
      failedMs: null,
      cancelledMs: this.#maybe(10),
      count: this.#maybe(this.#draw(10)),
      bytes: this.#maybe(1_000),
    }
    prune(pass, { tasksMax: this.#draw(10), retention })
  }
}

function keyName({ spec }: Task): string {
  return `${spec.unique?.key}: ${spec.id}`
}

/** The keys of windows by their ends, each once. */
function windowEnds(home: Home): readonly string[] {
  return [...home.windows.values()].filter(({ entry }) => !entry.gone).map(({ key }) => key)
}

/** What the tasks say should be kept beside them. */
function recount(home: Home): object {
  const tasks = [...home.tasks.values()]
  const live = tasks.filter((task) => isLive(task.state))
  const waiting = live.filter((task) => task.state !== 'running')
  const pins = Map.groupBy(
    live.flatMap((task) => task.after),
    (edge) => edge.parent,
  )
  return {
    arrivals: tasks.map((task) => task.spec.id).toSorted(),
    ends: tasks
      .filter((task) => isFinal(task.state))
      .map((task) => task.spec.id)
      .toSorted(),
    inLine: tasks.filter((task) => task.state === 'pending' && !task.held).map((task) => task.spec.id),
    inExpiries: waiting.filter((task) => timeLimitOf(task) !== null).map((task) => task.spec.id),
    running: tasks
      .filter((task) => task.state === 'running')
      .map((task) => task.spec.id)
      .toSorted(),
    keys: live.flatMap((task) => (task.spec.unique?.while === 'live' ? [keyName(task)] : [])).toSorted(),
    // one that came back to wait may do so without its key
    waitingKeysOfOthers: [],
    windows: [...home.windows.keys()].toSorted(),
    pins: [...pins].map(([parent, edges]) => `${parent}: ${edges.length}`).toSorted(),
    blockers: tasks
      .filter((task) => task.state === 'blocked')
      .map((task) => `${task.spec.id}: ${task.blockers}`)
      .toSorted(),
    queues: ['left', 'right'].map((queue) => {
      const own = tasks.filter((task) => task.spec.queue === queue)
      const final = own.filter((task) => isFinal(task.state))
      return [own.length, final.length, final.reduce((sum, task) => sum + retainedBytes(task), 0)]
    }),
  }
}

/** What is kept beside them. */
function kept(home: Home): object {
  const tasks = [...home.tasks.values()]
  const deliveries = [...home.outbox.values()].flat()
  const edges = [...home.edges.values(), ...deliveries.map(({ waiting }) => waiting)]
  const waits = edges.flatMap((waiting) => [...waiting.keys()])
  const gated = [...home.gates.values()].flatMap((gate) => [...gate.tasks])
  const blockers = Map.groupBy([...waits, ...gated], (task) => task.spec.id)
  const running = [...home.running].map((task) => task.spec.id).toSorted()
  const bySession = [...home.sessions.values()].flatMap((session) => [...session.running])
  const byNonce = [...home.byNonce.values()].flatMap((claimed) => [...claimed])
  expect(bySession.map((task) => task.spec.id).toSorted()).toEqual(running)
  expect(byNonce.map((task) => task.spec.id).toSorted()).toEqual(running)
  expect(edges.filter((waiting) => waiting.size === 0)).toEqual([])
  const ended = (parent: string): boolean => isFinal(home.tasks.get(parent)?.state ?? 'absent')
  expect([...home.edges.keys()].filter(ended)).toEqual([])
  return {
    arrivals: [...home.arrivals.after(0)].map((task) => task.spec.id).toSorted(),
    ends: [...home.ends.after(0)].map((task) => task.spec.id).toSorted(),
    inLine: tasks.filter((task) => task.inLine?.entry.gone === false).map((task) => task.spec.id),
    inExpiries: tasks.filter((task) => task.inExpiries?.gone === false).map((task) => task.spec.id),
    running,
    keys: [...home.keys.values()]
      .flatMap((task) => (task.spec.unique?.while === 'live' ? [keyName(task)] : []))
      .toSorted(),
    waitingKeysOfOthers: [...home.keys].filter(
      ([key, { spec, state }]) =>
        spec.unique?.key !== key ||
        (spec.unique.while === 'waiting' && state !== 'pending' && state !== 'blocked'),
    ),
    windows: [...windowEnds(home)].toSorted(),
    pins: [...home.pins].map(([parent, count]) => `${parent}: ${count}`).toSorted(),
    blockers: [...blockers].map(([id, each]) => `${id}: ${each.length}`).toSorted(),
    queues: ['left', 'right'].map((name) => {
      const queue = home.queues.get(name)
      const final = Object.values(queue?.finals ?? {}).reduce((sum, each) => sum + each.size, 0)
      return [queue?.tasks ?? 0, final, queue?.finalBytes ?? 0]
    }),
  }
}

/** What the store finds in itself, page by page. */
function look(home: Home, repair = false): readonly StoreDefect[] {
  const found: StoreDefect[] = []
  let cursor: string | null = null
  do {
    const page = audit(newPass(home, 1_000), { cursor, limit: 50, repair })
    found.push(...page.defects)
    cursor = page.next
  } while (cursor !== null)
  return found
}

/** How many kinds of entries a history has: the chaos meets them all. */
const EVENTS = 16

test('the indexes agree with the tasks after whatever was done', () => {
  const met = new Set<string>()
  for (let seed = 1; seed <= 8; seed++) {
    const chaos = new Chaos(seed)
    for (let round = 0; round < 1_500; round++) {
      chaos.do()
      for (const task of chaos.home.tasks.values()) for (const { event } of task.history) met.add(event)
      if (round % 5 > 0) continue
      expect(kept(chaos.home), `seed ${seed}, round ${round}`).toEqual(recount(chaos.home))
      expect(look(chaos.home), `seed ${seed}, round ${round}`).toEqual([])
    }
  }
  expect(met.size).toBe(EVENTS)
})

/** A home with a task in each state, and with who waits for whom. */
function busyHome(): Home {
  const chaos = new Chaos(3)
  const isBusy = ({ tasks, edges, running, keys }: Home): boolean =>
    edges.size > 0 &&
    running.size > 1 &&
    keys.size > 0 &&
    [...tasks.values()].some(({ state }) => isFinal(state))
  for (let round = 0; round < 10_000 && !isBusy(chaos.home); round++) chaos.do()
  return chaos.home
}

const PLANTS: Readonly<Record<string, readonly [spoil: (home: Home, ended: Task) => void, left: boolean]>> = {
  'stray-key': [({ keys }, ended) => void keys.set('of nobody', ended), false],
  'stray-edge': [({ edges }, ended) => void [...edges.values()][0]!.set(ended, 'run'), false],
  'orphaned-edge': [(home) => void (home.tasks.get([...home.edges.keys()][0]!)!.state = 'failed'), true],
  'stray-claim': [({ running }, ended) => void running.add(ended), false],
  'lost-place': [({ running }) => void running.delete([...running][0]!), true],
  'wait-count': [
    ({ tasks }) => void ([...tasks.values()].find(({ state }) => state === 'blocked')!.blockers += 1),
    true,
  ],
}

for (const [code, [spoil, left]] of Object.entries(PLANTS)) {
  test(`${code} is found, and ${left ? 'left' : 'mended'}`, () => {
    const home = busyHome()
    expect(look(home)).toEqual([])
    spoil(
      home,
      [...home.tasks.values()].find(({ state }) => isFinal(state))!,
    )
    expect(look(home).map((defect) => defect.code)).toContain(code)
    look(home, true)
    expect(look(home).length > 0).toBe(left)
  })
}
