/** Several clients do whatever the port allows, at random and without waiting for each other; then all must add up. */
import { createClient } from '@redis/client'
import { expect, test, vi } from 'vitest'
import { StoreError } from '@millrace/core'
import { seededRandom, type SeededRandom } from '@millrace/core/simulation'
import { demand, exchange, session, spec } from '../../sqlite/test/specs.ts'
import { audit } from './ledger.ts'
import { openHome, serverUrl, useServer } from './home.ts'
import type { Claim, Command, Lane, Settlement, TaskSpec, Transition } from '@millrace/core/store'
import type { RedisStore } from '../src/index.ts'

useServer()

/** How often a call is made until it must have been answered. */
const TRIES_MAX = 40

/** What a run is drawn by, so that it can be repeated by its seed. */
class Dice {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  below(n: number): number {
    return this.#random.between(0, n - 1)
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!
  }

  chance(p: number): boolean {
    return this.#random.chance(p)
  }

  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.below(16).toString(16)).join('')
  }

  uuid(): string {
    return `${this.hex(8)}-${this.hex(4)}-4${this.hex(3)}-8${this.hex(3)}-${this.hex(12)}`
  }
}

const TYPES = ['work', 'other', 'third']
const QUEUES = ['default', 'second']

class Client {
  readonly #dice: Dice
  readonly #store: RedisStore
  readonly #pool: TaskSpec[]
  readonly #accepted: Map<string, number>
  #session = ''
  #renewals = 0
  #held: Claim[] = []

  constructor(dice: Dice, store: RedisStore, shared: Pick<Shared, 'pool' | 'accepted'>) {
    this.#dice = dice
    this.#store = store
    this.#pool = shared.pool
    this.#accepted = shared.accepted
  }

  async open(): Promise<void> {
    this.#session = this.#dice.uuid()
    this.#renewals = 0
    this.#held = []
    await this.#store.openSession(session({ session: this.#session, ttlMs: 20_000 }))
  }

  async step(): Promise<void> {
    const dice = this.#dice
    const acts: readonly (readonly [number, () => Promise<unknown>])[] = [
      [10, () => this.#add()],
      [12, () => this.#exchange()],
      [4, () => this.#renew()],
      [3, () => this.#reclaim()],
      [8, () => this.#command()],
      [1, () => this.#byFilter()],
      [1, () => this.#limit()],
      [2, () => this.#tick()],
      [2, () => this.#store.sweep({ tasksMax: 1 + dice.below(20) })],
      [3, () => this.#store.deliver({ tasksMax: 1 + dice.below(20) })],
      [2, () => this.#prune()],
      [1, () => this.#store.openGate(`gate-${dice.below(4)}`)],
      [1, () => this.#store.shiftClock(dice.of([1, 100, 5_000, 30_000, 1_000_000, -2_000]))],
    ]
    let at = dice.below(acts.reduce((sum, [weight]) => sum + weight, 0))
    for (const [weight, act] of acts) {
      at -= weight
      if (at < 0) return this.#persist(act)
    }
  }

  /** Once more what may have had an effect, as core does. */
  async #persist(act: () => Promise<unknown>): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        await act()
        return
      } catch (error) {
        if (!(error instanceof StoreError) || tries === TRIES_MAX) throw error
        // the connection was cut: it comes back by itself
        await vi.waitFor(() => this.#store.now(), { timeout: 10_000, interval: 5 })
      }
    }
  }

  #task(): TaskSpec {
    const dice = this.#dice
    const parents = dice.chance(0.3) ? [dice.of(this.#pool), dice.of(this.#pool)] : []
    const after = [...new Set(parents.filter((one) => one !== undefined).map(({ id }) => id))]
    const task = spec({
      id: dice.uuid(),
      idMadeBy: dice.chance(0.5) ? 'user' : 'client',
      type: dice.of(TYPES),
      queue: dice.of(QUEUES),
      level: dice.of([0, 2, 2, 4]),
      due: dice.of([{ inMs: 0 }, { inMs: 0 }, { inMs: 3_000 }, { at: 5 }]),
      held: dice.chance(0.1),
      payload: dice.of(['1', '1', '1', '"größer"', new Uint8Array(300), 'x'.repeat(9_000)]),
      timeoutMs: dice.of([null, 2_000]),
      startByMs: dice.chance(0.2) ? 10_000 : null,
      deadlineMs: dice.chance(0.2) ? 40_000 : null,
      after: after.map((parent) => ({
        parent,
        ifFailed: dice.of(['cancel', 'fail', 'run', 'trigger'] as const),
      })),
      unique: dice.chance(0.2)
        ? {
            key: `key-${dice.below(5)}`,
            while: dice.of(['live', 'waiting', { withinMs: 5_000 }] as const),
            then: dice.of(['keep', 'replace', 'reject'] as const),
          }
        : null,
      tags: dice.chance(0.2) ? ['tag'] : [],
      lane: dice.chance(0.5) ? this.#lane() : null,
      dueByMs: dice.chance(0.1) ? dice.below(10_000) : null,
    })
    this.#pool.push(task)
    return task
  }

  #lane(): Lane {
    const dice = this.#dice
    const key = (name: string): Lane['limits'] =>
      dice.chance(0.4) ? [{ name, key: dice.of(['a', 'b']), cost: dice.of([1, 1, 3]) }] : []
    return {
      partition: dice.of([null, 'one', 'other']),
      fifo: dice.chance(0.3),
      limits: [...key('api'), ...key('db')],
      prefers: dice.chance(0.2) ? ['eu', 'us'] : [],
      spillMs: 2_000,
    }
  }

  async #limit(): Promise<void> {
    const dice = this.#dice
    const name = dice.of(['api', 'db', 'queue:default', 'type:work'])
    if (dice.chance(0.2)) return this.#store.removeLimit(name)
    const rate = dice.chance(0.2) ? { limit: 5, perMs: 1_000, burst: 10 } : null
    const allowance = { concurrency: dice.of([null, 2, 5, 20]), rate }
    const shutMs = dice.chance(0.1) ? 1_000 : null
    await this.#store.configureLimit({
      nonce: dice.hex(16),
      name,
      version: null,
      allowance,
      shutMs,
      by: 'user',
    })
  }

  /** Lets a schedule fire that is due; one that waits for nothing is put. */
  async #tick(): Promise<void> {
    const dice = this.#dice
    const name = dice.of(['nightly', 'often'])
    const row = await this.#store.schedule(name)
    if (row === null || row.nextAt === null || row.paused) {
      const paused = dice.chance(0.2)
      const change = { name, ifVersion: row?.version ?? null, plan: '{}', paused }
      await this.#store.putSchedule({ ...change, nextAt: (await this.#store.now()) + dice.below(1_000) })
      return
    }
    const { version, nextAt } = row
    await this.#store.tick({
      name,
      version,
      fireAt: nextAt,
      nextAt: dice.chance(0.8) ? nextAt + 1_000 : null,
      lastAt: nextAt,
      tasks: Array.from({ length: dice.below(3) }, () => this.#task()),
      overlap: dice.of(['allow', 'skip', 'queue', 'replace'] as const),
    })
  }

  async #add(): Promise<void> {
    const dice = this.#dice
    const some = Array.from({ length: 1 + dice.below(5) }, () => {
      return this.#pool.length > 0 && dice.chance(0.2) ? dice.of(this.#pool) : this.#task()
    })
    const plain = Array.from({ length: dice.below(5) }, () => {
      const lane = dice.chance(0.3)
        ? { partition: dice.of(['one', 'other']), fifo: false, limits: [], prefers: [], spillMs: 0 }
        : null
      return spec({ id: dice.uuid(), lane })
    })
    this.#pool.push(...plain)
    const under = dice.chance(0.1) && this.#held.length > 0 ? fenceOf(dice.of(this.#held)) : null
    const replaces = some.some(({ unique }) => unique?.then === 'replace')
    const gate = !replaces && dice.chance(0.2) ? `gate-${dice.below(4)}` : null
    const groups = [
      ...plain.map((task) => ({ tasks: [task], under: null, gate: null })),
      { tasks: some, under, gate },
    ]
    await this.#store.add({ groups, again: dice.chance(0.2) })
  }

  async #exchange(): Promise<void> {
    const dice = this.#dice
    const kept: Claim[] = []
    const settlements: Settlement[] = []
    for (const claim of this.#held) {
      if (dice.chance(0.4)) kept.push(claim)
      else settlements.push({ fence: fenceOf(claim), seq: 1, transition: this.#transition(), notes: null })
    }
    const queues = QUEUES.map((queue) => ({ queue, slots: [1, 0, 1, 0, 0] as const, tasksMax: 6 }))
    const wanted = demand(10, { types: dice.of([TYPES, ['work']]), queues })
    const request = exchange(this.#session, { nonce: dice.hex(16), settlements, demand: wanted })
    let answer = await this.#store.exchange(request)
    if (dice.chance(0.2)) answer = await this.#store.exchange({ ...request, again: true })
    for (const [index, { fence, transition }] of settlements.entries()) {
      if (transition.to !== 'succeeded' || answer.verdicts[index] !== 'applied') continue
      const key = `${fence.task} ${fence.nonce}`
      this.#accepted.set(key, (this.#accepted.get(key) ?? 0) + 1)
    }
    const again = new Set(answer.claims.map(({ id }) => id))
    if (again.size < answer.claims.length) throw new Error('A task was claimed twice at once.')
    this.#held = [...kept.filter(({ id }) => !again.has(id)), ...answer.claims]
    if (answer.session === 'dead') await this.open()
  }

  #transition(): Transition {
    const error = { name: 'E', message: 'm', code: null, stack: null }
    return this.#dice.of<Transition>([
      { to: 'succeeded', result: '1' },
      { to: 'succeeded', result: '1' },
      { to: 'succeeded', result: '1' },
      { to: 'pending', count: 'failure', delayMs: 1_000, error },
      { to: 'pending', count: 'return', delayMs: null, error: null },
      { to: 'pending', count: 'crash', delayMs: 0, error },
      {
        to: 'pending',
        count: 'snooze',
        delayMs: 0,
        error: null,
        shut: { name: 'api', key: 'a', ms: 500 },
      },
      { to: 'failed', count: 'failure', reason: 'error', error },
      { to: 'cancelled', error: null },
    ])
  }

  async #renew(): Promise<void> {
    const dice = this.#dice
    const held = this.#held
      .filter(() => dice.chance(0.8))
      .map((claim) => {
        return { fence: fenceOf(claim), started: dice.chance(0.5) }
      })
    this.#renewals += 1
    const { session: state } = await this.#store.renew({
      session: this.#session,
      ttlMs: 20_000,
      seq: this.#renewals,
      held,
      awaiting: [],
    })
    if (state === 'dead') await this.open()
  }

  async #reclaim(): Promise<void> {
    const dice = this.#dice
    const request = { session: this.#session, nonce: dice.hex(16), tasksMax: 10, graceMs: 100 }
    const { tasks } = await this.#store.reclaim({ ...request, again: false })
    if (dice.chance(0.3)) return
    const settlements = tasks.map(({ fence }) => ({
      fence,
      seq: 1,
      transition: this.#transition(),
      notes: null,
    }))
    await this.#store.exchange(exchange(this.#session, { nonce: dice.hex(16), settlements }))
  }

  async #command(): Promise<void> {
    const dice = this.#dice
    const ids = [...new Set(Array.from({ length: 3 }, () => dice.of(this.#pool)?.id ?? dice.uuid()))]
    const request = { nonce: dice.hex(16), command: this.#order(), target: { ids }, tasksMax: 10 }
    await this.#store.command(request)
    if (dice.chance(0.3)) await this.#store.command(request)
  }

  #order(): Command {
    return this.#dice.of<Command>([
      { kind: 'cancel', reason: 'why' },
      { kind: 'cancel', reason: null },
      { kind: 'retry', payload: null },
      { kind: 'retry', payload: 'y'.repeat(9_000) },
      { kind: 'remove' },
      { kind: 'hold' },
      { kind: 'release' },
      { kind: 'release' },
      { kind: 'edit', payload: null, level: 0, runAt: null },
      { kind: 'edit', payload: null, level: 2, runAt: null },
    ])
  }

  async #byFilter(): Promise<void> {
    const target = { filter: { type: this.#dice.of(TYPES) }, cursor: null }
    await this.#store.command({ nonce: this.#dice.hex(16), command: this.#order(), target, tasksMax: 20 })
  }

  async #prune(): Promise<void> {
    const dice = this.#dice
    const age = dice.of([null, 0, 50_000])
    const retention = {
      succeededMs: age,
      cancelledMs: age,
      failedMs: age,
      count: dice.of([null, 50]),
      bytes: null,
    }
    await this.#store.prune({ tasksMax: 1 + dice.below(50), retention })
  }
}

function fenceOf({ id, epoch, nonce }: Claim): Settlement['fence'] {
  return { task: id, epoch, nonce }
}

interface Shared {
  readonly pool: TaskSpec[]
  readonly accepted: Map<string, number>
}

const SEEDS = (process.env['LEDGER_SEEDS'] ?? '1,2,3').split(',').map(Number)
const ROUNDS = Number(process.env['LEDGER_ROUNDS'] ?? 6)

test.each(SEEDS)(
  'all adds up, with connections that are cut now and then (seed %i)',
  async (seed) => {
    await using home = await openHome()
    const shared: Shared = { pool: [], accepted: new Map() }
    const killer = createClient({ url: serverUrl() })
    await killer.on('error', () => undefined).connect()
    const dice = [0, 1, 2, 3].map((line) => new Dice(seed * 100 + line))
    const clients = await Promise.all(dice.map(async (one) => new Client(one, await home.open(), shared)))
    await Promise.all(clients.map((client) => client.open()))
    for (let round = 0; round < ROUNDS; round++) {
      await Promise.all(
        clients.map(async (client, line) => {
          for (let steps = 0; steps < 50; steps++) {
            await client.step()
            if (!dice[line]!.chance(0.005)) continue
            await killer.sendCommand(['CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes'])
          }
        }),
      )
      expect(await audit(serverUrl(), home.namespace)).toEqual([])
      // its connection may have been cut, too
      const { mended } = await vi.waitFor(() => home.store.recount(), { timeout: 10_000, interval: 5 })
      expect(mended).toEqual([])
    }
    killer.destroy()
    expect([...shared.accepted].filter(([, times]) => times > 1)).toEqual([])
  },
  120_000,
)
