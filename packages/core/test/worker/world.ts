/** A store on virtual time, and lines to it that count their calls and can be made to misbehave. */
import {
  Mill,
  MemoryStore,
  type Logger,
  type MillOptions,
  type Platform,
  type Store,
} from '../../src/index.ts'
import { seededRandom, VirtualTime, type SeededRandom } from '../../src/simulation/index.ts'
import type { TaskId, TaskRecord } from '../../src/store/records.ts'

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }

type Method = Exclude<keyof Store, 'kind' | 'retentionBytes' | 'calls' | 'inStages' | 'elsewhere' | 'watch'>
type Request<M extends Method> = Parameters<Store[M]>[0]
type Answer<M extends Method> = ReturnType<Store[M]>
/** Stands between a caller and the store. */
export type Gatekeeper<M extends Method> = (
  pass: (request?: Request<M>) => Answer<M>,
  request: Request<M>,
) => Answer<M>

/** One process's line to the store. */
export class Line {
  readonly calls: { readonly method: string; readonly request: unknown; readonly atMs: number }[] = []
  readonly store: Store
  hints = true
  order: Store['calls'] = 'in order'
  inStages = false
  readonly #gatekeepers = new Map<
    string,
    (pass: (request?: unknown) => unknown, request: unknown) => unknown
  >()

  constructor(world: World) {
    const { store } = world
    this.store = new Proxy<Store>(store, {
      get: (_, name: string) => {
        const member: unknown = Reflect.get(store, name)
        if (name === 'calls') return this.order
        if (name === 'inStages') return this.inStages
        if (name === 'watch') return () => (this.hints ? store.watch() : silence())
        if (typeof member !== 'function') return member
        return (request: unknown) => {
          this.calls.push({ method: name, request, atMs: world.time.nowMs })
          const pass = (other: unknown = request): unknown => Reflect.apply(member, store, [other])
          return this.#gatekeepers.get(name)?.(pass, request) ?? pass()
        }
      },
    })
  }

  /** From now on, this stands in for a method. */
  keep<M extends Method>(method: M, gatekeeper: Gatekeeper<M>): void {
    this.#gatekeepers.set(method, gatekeeper as never)
  }

  free(method: Method): void {
    this.#gatekeepers.delete(method)
  }

  /** The requests of a method so far. */
  requests<M extends Method>(method: M): Request<M>[] {
    return this.calls.filter((call) => call.method === method).map((call) => call.request as Request<M>)
  }

  count(method: Method): number {
    return this.requests(method).length
  }
}

// oxlint-disable-next-line require-yield -- it is there to say nothing
async function* silence(): AsyncGenerator<never> {
  await new Promise<never>(() => undefined)
}

export class World {
  readonly random: SeededRandom = seededRandom(7)
  readonly time: VirtualTime = new VirtualTime(this.random)
  readonly store: MemoryStore = new MemoryStore({ platform: this.time.platform() })

  line(): Line {
    return new Line(this)
  }

  mill(line: Line = this.line(), options: MillOptions = {}): Mill {
    return new Mill(line.store, { platform: this.time.platform(), logger: silent, ...options })
  }

  /** Resolves when so much virtual time has passed. For handlers; tests themselves `advance`. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.at(this.time.nowMs + ms, resolve))
  }

  /** Lets time pass until the promise is settled. */
  async settle<T>(promise: Promise<T>, limitMs: number = 120_000): Promise<T> {
    let settled = false
    const end = (): void => void (settled = true)
    promise.then(end, end)
    if (!(await this.time.until(() => settled, limitMs)))
      throw new Error(`nothing came of it within ${limitMs} ms`)
    return promise
  }

  /** What a promise is rejected with. */
  async refusal(promise: Promise<unknown>, limitMs?: number): Promise<Error & { readonly code?: string }> {
    return this.settle(
      promise.then(
        (value) => {
          throw new Error(`it was not refused: ${JSON.stringify(value)}`)
        },
        (error: Error) => error,
      ),
      limitMs,
    )
  }

  /** Lets time pass until all these have ended. */
  async ended(ids: readonly TaskId[], limitMs: number = 600_000): Promise<TaskRecord[]> {
    let records: readonly (TaskRecord | null)[] = []
    const look = (): void => {
      void this.store.get(ids).then((found) => (records = found))
    }
    const over = await this.time.until(() => {
      look()
      return records.length > 0 && records.every((record) => record !== null && record.finishedAt !== null)
    }, limitMs)
    if (!over) throw new Error(`not ended: ${records.map((record) => record?.state).join(', ')}`)
    return records as TaskRecord[]
  }

  async record(id: TaskId): Promise<TaskRecord | null> {
    const [record] = await this.store.get([id])
    return record ?? null
  }
}

/** A platform whose wall clock can be moved. */
export function jumpy(platform: Platform): Platform & { jumpMs: number } {
  const jumping = { ...platform, jumpMs: 0, wallMs: (): number => platform.wallMs() + jumping.jumpMs }
  return jumping
}
