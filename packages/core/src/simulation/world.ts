/** Plays a plan: chaos first, then healing until all has come to rest. */
import { Mill } from '../client/mill.ts'
import { newNonce } from '../task/ids.ts'
import { Door } from './door.ts'
import { NO_FAULTS, simulateProcess, type Faults, type SimulatedProcess } from './process.ts'
import { Producer, SILENT } from './producer.ts'
import { seededRandom, type SeededRandom } from './random.ts'
import { definitionsOf, handlersOn, type Stage } from './script.ts'
import { VirtualTime } from './virtual-time.ts'
import type { Bounds } from './checker.ts'
import type { TaskId, TaskRecord } from '../store/records.ts'
import type { Worker } from '../worker/worker.ts'
import type { EventPlan, Plan, WorkerPlan } from './plan.ts'
import type { History, ProcessEvent } from './history.ts'

/** The wall clock at the beginning. */
const STARTED_AT = 1_700_000_000_000

/** Healing is over when nothing is left to do, and comes to that within this time. */
const HEALING_MS = 900_000
/** How often it is looked whether it has. */
const LOOK_MS = 500
/** Schedules go on for so long after the chaos, so that it shows whether they do. */
const SCHEDULES_ON_MS = 12_000
/** A process that is cut off is told so late that its calls are lost. */
const CUT: Faults = { ...NO_FAULTS, delayMs: 2_000, lostCalls: 1, lostHints: 1 }

/** What a play came to: its history, and the bounds by which it is judged. */
export interface Played {
  readonly history: History
  readonly bounds: Bounds
}

/** Plays a plan on the memory store with the production code of client and worker, on virtual time. */
export async function play(plan: Plan): Promise<Played> {
  const world = new World(plan)
  world.start()
  await world.time.advance(plan.chaosMs)
  await world.heal()
  return world.played()
}

/** A place for one worker process after the other. */
interface Place {
  readonly plan: WorkerPlan
  readonly random: SeededRandom
  process: SimulatedProcess | null
  worker: Worker | null
  pid: string
  incarnation: number
  isCut: boolean
}

class World {
  readonly time: VirtualTime
  readonly #plan: Plan
  readonly #door: Door
  readonly #stage: Stage
  readonly #producer: Producer
  readonly #places: readonly Place[]
  readonly #processes: ProcessEvent[] = []
  #faults: Faults
  #stuck: readonly string[] = []

  constructor(plan: Plan) {
    this.#plan = plan
    this.#faults = plan.faults
    this.time = new VirtualTime(seededRandom(plan.seed), STARTED_AT)
    const goesBack = plan.events.some(({ kind }) => kind === 'failover')
    this.#door = new Door(this.time, goesBack ? 'goes back' : 'goes on')
    const definitions = definitionsOf(plan)
    this.#stage = { definitions, effects: [], starts: new Map(), nowMs: () => this.time.nowMs }
    const process = simulateProcess({
      time: this.time,
      random: seededRandom(plan.seed ^ 0x5eed),
      store: this.#door.store,
      faults: () => this.#faults,
    })
    this.#producer = new Producer({ time: this.time, process, definitions, plan })
    this.#places = plan.workers.map((worker, index) => ({
      plan: worker,
      random: seededRandom(plan.seed + 7_919 * (index + 1)),
      process: null,
      worker: null,
      pid: '',
      incarnation: 0,
      isCut: false,
    }))
  }

  start(): void {
    this.#producer.start()
    for (const place of this.#places) this.time.at(place.plan.startsAtMs, () => this.#begin(place))
    for (const event of this.#plan.events) this.time.at(event.atMs, () => this.#happen(event))
  }

  /** Faults end, and everybody is there again. */
  async heal(): Promise<void> {
    this.#faults = NO_FAULTS
    for (const place of this.#places) {
      place.isCut = false
      place.process?.resume()
      this.#begin(place)
    }
    // a clock that was put back goes right again, or all would stand still for as long
    if (this.#door.shiftMs < 0) this.#door.shiftClock(-this.#door.shiftMs)
    const { schedules, faults } = this.#plan
    if (schedules.length > 0) await this.#endSchedules()
    // what is late may still arrive
    await this.time.advance(Math.max(faults.lateMs ?? 0, faults.slowMs ?? 0))
    for (let leftMs = HEALING_MS; leftMs > 0 && !(await this.#isAtRest()); leftMs -= LOOK_MS)
      await this.time.advance(LOOK_MS)
    for (const { process } of this.#places) process?.kill()
  }

  async played(): Promise<Played> {
    const { effects } = this.#stage
    const { grants, settlements, leases, fires, thrown, forgotten } = this.#door
    const calls = [...this.#producer.calls, ...this.#door.calls]
    const tasks = await this.#dump()
    const history: History = {
      effects,
      calls,
      grants,
      settlements,
      leases,
      fires,
      processes: this.#processes,
      errors: [...thrown.map(String), ...this.#stuck],
      final: { tasks, remembered: await this.#remembered(calls.flatMap(({ ids }) => ids)) },
    }
    return { history, bounds: boundsOf(this.#plan, forgotten) }
  }

  #begin(place: Place): void {
    if (place.worker !== null) return
    const { time } = this
    place.incarnation += 1
    const pid = `w${this.#places.indexOf(place)}.${place.incarnation}`
    const process = simulateProcess({
      time,
      random: place.random,
      store: this.#door.store,
      wallOffsetMs: place.plan.wallOffsetMs,
      faults: () => (place.isCut ? CUT : this.#faults),
    })
    const mill = new Mill(process.store, { platform: process.platform, logger: SILENT })
    const worker = mill.worker({
      handlers: handlersOn(this.#stage, { platform: process.platform, pid }),
      concurrency: place.plan.concurrency,
      lease: this.#plan.ttlMs,
    })
    worker.on('error', () => undefined)
    Object.assign(place, { process, worker, pid })
    this.#note(place, 'started')
    // a start may come to nothing while the store is away: then somebody starts it anew, as a supervisor would
    const start = (): void => void worker.start().catch(() => process.platform.setTimer(500, start, 'holds'))
    start()
  }

  #happen(event: EventPlan): void {
    if (event.kind === 'clock') return this.#door.shiftClock(event.byMs)
    if (event.kind === 'failover') return this.#door.goBack(Math.min(event.backMs, this.time.nowMs))
    const place = this.#places[event.worker]
    if (place === undefined || place.worker === null || place.process === null) return
    if (event.kind === 'wall') return place.process.shiftWall(event.byMs)
    const { process, worker } = place
    const later = (run: () => void): void => void this.time.at(this.time.nowMs + event.forMs, run)
    if (event.kind === 'kill') {
      process.kill()
      this.#note(place, 'killed')
      place.worker = null
      later(() => this.#begin(place))
    } else if (event.kind === 'pause') {
      process.pause()
      this.#note(place, 'paused')
      later(() => process.resume())
    } else if (event.kind === 'cut') {
      place.isCut = true
      later(() => (place.isCut = false))
    } else {
      void worker.stop({ drain: event.forMs }).then(() => {
        if (place.worker !== worker) return
        process.kill()
        place.worker = null
        this.#begin(place)
      })
    }
  }

  #note({ pid }: Place, event: ProcessEvent['event']): void {
    this.#processes.push({ pid, event, atMs: this.time.nowMs })
  }

  /** A schedule that is long overdue, although everybody is well, is stuck. */
  async #endSchedules(): Promise<void> {
    const { store } = this.#door
    await this.time.advance(SCHEDULES_ON_MS)
    const all = await store.schedules({ after: null, limit: 100 })
    const overdue = all.filter(({ nextAt }) => nextAt !== null && nextAt < this.#door.now() - 8_000)
    this.#stuck = overdue.map(({ name }) => `Schedule ${name} does not fire any more.`)
    for (const { name } of all) await store.removeSchedule(name)
  }

  async #isAtRest(): Promise<boolean> {
    if (!this.#producer.isAtRest) return false
    const live = { states: ['blocked', 'pending', 'running', 'waiting'] } as const
    const { tasks } = await this.#door.store.list({ filter: live, limit: 100, cursor: null })
    const held = tasks.flatMap((task) => (task.held ? [task.id] : []))
    if (held.length > 0) await this.#release(held)
    return tasks.length === 0
  }

  /** Lets go what is held, so that it can come to rest. */
  async #release(ids: readonly TaskId[]): Promise<void> {
    const nonce = newNonce(this.time.platform())
    const target = { ids }
    await this.#door.store.command({ nonce, command: { kind: 'release' }, target, tasksMax: ids.length })
  }

  async #dump(): Promise<readonly TaskRecord[]> {
    const { store } = this.#door
    const { tasks } = await store.list({ filter: {}, limit: 1_000, cursor: null })
    const records = await store.get(tasks.map(({ id }) => id))
    return records.filter((record) => record !== null)
  }

  async #remembered(asked: readonly TaskId[]): Promise<History['final']['remembered']> {
    const ids = [...new Set(asked)]
    const outcomes = await this.#door.store.outcomes({ ids: ids.slice(0, 1_000), bytesMax: 1e9 })
    const buried = ids.flatMap((id, index) => {
      const outcome = outcomes[index]
      return outcome === null || outcome === undefined || outcome === 'later' || outcome.type !== null
        ? []
        : [{ id, state: 'cancelled' as const }]
    })
    return [...buried, ...[...this.#door.removed].map(([id, state]) => ({ id, state }))]
  }
}

function boundsOf(plan: Plan, forgotten: Bounds['forgotten'] & object): Bounds {
  const goesBack = forgotten.length > 0
  const jumps = plan.events.filter((event) => event.kind === 'clock')
  const steady = jumps.length === 0 && !goesBack
  const farthest = Math.max(0, ...jumps.map(({ byMs }) => byMs))
  return {
    enqueues: 'all journalled',
    calls: 'all answered',
    rest: { except: [] },
    ids: farthest < 300_000 ? 'remembered' : undefined,
    forgotten: goesBack ? forgotten : undefined,
    storeTime: steady ? { aheadMs: STARTED_AT, toleranceMs: 1 } : undefined,
    selfFenced: steady ? true : undefined,
    // what declared them may be forgotten
    limits: goesBack
      ? undefined
      : [
          { name: 'slots', allowance: { concurrency: plan.slots, rate: null } },
          {
            name: 'pace',
            allowance: { concurrency: null, rate: { limit: plan.pace, perMs: 1_000, burst: plan.pace } },
          },
        ],
  }
}
