/** A store, a client, workers in processes of their own, perhaps a bad network between them; and what is left of it all. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  check,
  seededRandom,
  type Bounds,
  type ProcessEvent,
  type SeededRandom,
} from '@millrace/core/simulation'
import type { TaskRecord } from '@millrace/core/store'
import { connect, type Mill, type Store } from 'millrace'
import { Crew, type Member } from '../../processes/crew.ts'
import { stageOf, type Engine, type Stage } from '../../servers/stage.ts'
import { Caller } from './caller.ts'
import { monotonicMs, readEffects, type Effects } from './effects-journal.ts'
import { dump, numberOf, type FinalDump } from './final-dump.ts'
import { fileOf, writeLock } from './file.ts'
import { forgetful } from './forgetful.ts'
import { CALM, Proxy, type NetworkFaults } from './proxy.ts'
import { storeOf } from './store-of.ts'
import { wounded, type WoundName } from './wounds.ts'
import type { JobType } from './jobs.ts'
import type { Part, Told } from './part.ts'

const WORKER = new URL('./worker.ts', import.meta.url)
const LOOK_MS = 100
const OPEN_MS = 30_000
/** By how much clocks of one machine may seem to differ: they are read one after the other, in whole milliseconds. */
const CLOCKS_MS = 5
export const LEASE_MS = 3_000

/** On what a scene is played. */
export interface Ground {
  readonly engine: Engine | 'memory'
  readonly seed: number
  /** How the store is broken for the workers, and for the client. */
  readonly wound?: WoundName | undefined
}

export interface ScenePlan {
  readonly workers: number
  readonly slots: number
  readonly types?: readonly JobType[] | undefined
  /** How long workers wait for their handlers when they leave. */
  readonly drainMs?: number | undefined
  /** Everybody comes to the server by a proxy. */
  readonly proxied?: boolean | undefined
  /** Share of the store's answers that never arrive. */
  readonly droppedAnswers?: number | undefined
  /** How long a call of the client's waits. */
  readonly storeTimeoutMs?: number | undefined
  /** Where a SQLite file is put. */
  readonly folder?: string | undefined
  /** Settings of a Postgres. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** Modules that workers load first. */
  readonly preloads?: readonly string[] | undefined
}

/** What is left of a scene. */
export interface Remains extends Effects, FinalDump {
  readonly processes: readonly ProcessEvent[]
  /** Tasks of which a client was told, or could not be. */
  readonly ids: ReadonlyMap<number, readonly string[]>
}

export class Scene implements AsyncDisposable {
  readonly stage: Stage
  readonly proxy: Proxy | undefined
  readonly crew: Crew<Part, Told>
  readonly caller: Caller
  readonly mill: Mill
  readonly random: SeededRandom
  /** What its workers are told; for those that come later. */
  readonly part: Part
  readonly #processes: ProcessEvent[] = []

  private constructor(parts: Pick<Scene, 'stage' | 'proxy' | 'crew' | 'mill' | 'random' | 'part'>) {
    this.stage = parts.stage
    this.proxy = parts.proxy
    this.crew = parts.crew
    this.mill = parts.mill
    this.random = parts.random
    this.part = parts.part
    this.caller = new Caller(parts.mill)
  }

  static async open({ engine, seed, wound }: Ground, plan: ScenePlan): Promise<Scene> {
    if (engine === 'memory') throw new Error('Processes cannot meet in memory.')
    const { workers, slots, preloads = [] } = plan
    const random = seededRandom(seed)
    const { folder, settings } = plan
    const stage = await stageOf(engine, { fsync: 'always', folder, settings })
    const proxy = plan.proxied === true ? await Proxy.start(stage.server!.port, random) : undefined
    const url = proxy === undefined ? stage.url : stage.url.replace(/:\d+/, `:${proxy.port}`)
    await keepAll(stage.url)
    const dropped = plan.droppedAnswers
    const part: Part = {
      url,
      folder: mkdtempSync(join(tmpdir(), 'millrace-faults-')),
      types: plan.types ?? ['job'],
      slots,
      leaseMs: LEASE_MS,
      drainMs: plan.drainMs,
      wound,
      droppedAnswers: dropped === undefined ? undefined : { share: dropped, seed },
    }
    const crew = new Crew<Part, Told>(
      Array.from({ length: workers }, () => part),
      {
        script: WORKER,
        hear: () => undefined,
        nodeOptions: preloads.flatMap((preload) => ['--import', preload]),
      },
    )
    const quiet = { debug() {}, info() {}, warn() {}, error() {} }
    const clientStore = (): Store => {
      const store = wound === undefined ? storeOf(url) : wounded(storeOf(url), wound)
      return dropped === undefined ? store : forgetful(store, dropped, seededRandom(seed + 1))
    }
    const timeout = plan.storeTimeoutMs === undefined ? {} : { storeTimeout: plan.storeTimeoutMs }
    const mill = await patiently(() => connect({ '~store': clientStore }, { logger: quiet, ...timeout }))
    const scene = new Scene({ stage, proxy, crew, mill, random, part })
    await crew.ready()
    return scene
  }

  /** Kills a worker at random, and puts another one in its place. */
  async strike(): Promise<void> {
    const member = await this.crew.strike(this.random.fraction())
    this.#note(member, 'killed')
  }

  /** Puts another one in the place of a worker that has died. */
  async succeed(member: Member<Part>, part: Part): Promise<void> {
    this.#note(member, 'killed')
    await this.crew.relieve(member, part)
  }

  /** What befalls the network from now on; what is not named is as it should be. Without a proxy nothing does. */
  disturb(faults: Partial<NetworkFaults>): void {
    if (this.proxy !== undefined) this.proxy.faults = { ...CALM, ...faults }
  }

  /** How far store time is ahead of the journals' clock: both are of this machine. */
  get storeTime(): { readonly aheadMs: number; readonly toleranceMs: number } {
    return { aheadMs: Date.now() - monotonicMs(), toleranceMs: CLOCKS_MS }
  }

  /** Not in the middle of a write to a file, of which it would keep the lock: then nobody could take anything over. */
  freeze(member: Member<Part>): void {
    using _lock = this.stage.server === undefined ? writeLock(fileOf(this.stage)) : undefined
    member.freeze()
    this.#note(member, 'paused')
  }

  thaw(member: Member<Part>): void {
    this.#note(member, 'resumed')
    member.thaw()
  }

  /**
   * Waits until nothing is left to do, or so long.
   *
   * @param scheduled how many tasks are left for later
   * @returns how long it took, in milliseconds; `null`: it is not at rest
   */
  async rest(boundMs: number, scheduled = 0): Promise<number | null> {
    const begun = monotonicMs()
    await using store = await bareStore(this.stage.url)
    for (;;) {
      const queues = (await store.queues()).filter(({ queue }) => queue !== 'children')
      const open = queues.flatMap(({ counts: { succeeded: _s, failed: _f, cancelled: _c, ...rest } }) =>
        Object.values(rest),
      )
      const tookMs = monotonicMs() - begun
      if (open.reduce((sum, count) => sum + count, 0) <= scheduled) return tookMs
      if (tookMs > boundMs) return null
      await sleep(LOOK_MS)
    }
  }

  /** Asks the store itself, past all that is in the way of others. */
  async bare<T>(ask: (store: Store) => Promise<T>): Promise<T> {
    await using store = await bareStore(this.stage.url)
    return await ask(store)
  }

  /** Ends the workers in good order, and reads what everybody has written. */
  async remains(): Promise<Remains> {
    await this.crew.dismiss(() => true)
    const final = await this.bare(dump)
    const calls = Map.groupBy(final.tasks, numberOf)
    const ids = new Map([...calls].map(([call, tasks]) => [call, idsOf(tasks, this.caller.sizeOf(call))]))
    return { ...readEffects(this.part.folder), ...final, ids, processes: this.#processes }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.crew[Symbol.dispose]()
    await this.mill.close()
    await this.proxy?.[Symbol.asyncDispose]()
    await this.stage[Symbol.asyncDispose]()
    rmSync(this.part.folder, { recursive: true, force: true })
  }

  #note({ pid }: Member<Part>, event: ProcessEvent['event']): void {
    this.#processes.push({ pid, event, atMs: monotonicMs() })
  }
}

/** What holds of every scene, in words; none if all does. */
export function standard(scene: Scene, remains: Remains, bounds: Bounds = {}): readonly string[] {
  const { effects, grants, settlements, processes, tasks, ids, miscounts } = remains
  const calls = scene.caller.journal(ids)
  const children = tasks.filter(({ queue }) => queue === 'children').map(({ id }) => id)
  const history = { effects, grants, settlements, processes, calls, final: { tasks } }
  const violations = check(history, {
    enqueues: 'all journalled',
    calls: 'all answered',
    ids: 'remembered',
    rest: { except: children },
    ...bounds,
  })
  const { refusals } = scene.caller
  const denied = tasks.filter((task) => refusals.has(numberOf(task)))
  return [
    ...violations.map(({ code, says }) => `${code}: ${says}`),
    ...denied.map(
      (task) => `denied: task ${task.id} is there, and its caller was told: ${refusals.get(numberOf(task))}`,
    ),
    ...miscounts.map((says) => `miscount: ${says}`),
  ]
}

/** A client whose calls may not take long opens its store all the same on a machine that is busy. */
async function patiently(open: () => Promise<Mill>): Promise<Mill> {
  for (const endMs = monotonicMs() + OPEN_MS; ;) {
    try {
      return await open()
    } catch (error) {
      if (monotonicMs() > endMs) throw error
    }
  }
}

/** Nothing is forgotten before it was looked at. */
async function keepAll(url: string): Promise<void> {
  await using mill = await connect(url)
  const retention = { succeeded: false, cancelled: false, failed: false, bytes: false } as const
  await mill.queues.configure('default', { retention })
}

async function bareStore(url: string): Promise<Store & AsyncDisposable> {
  const store = storeOf(url)
  await store.open()
  return Object.assign(store, { [Symbol.asyncDispose]: () => store.close() })
}

/** Of a call that made more than it was to, those that came first are its own. */
function idsOf(tasks: readonly TaskRecord[], size: number): readonly string[] {
  const sorted = tasks.toSorted((one, other) => (one.id < other.id ? -1 : 1))
  return sorted.slice(0, size).map(({ id }) => id)
}
