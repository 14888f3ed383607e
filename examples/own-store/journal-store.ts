/**
 * A store of one's own, small and whole: tasks are in memory, and a journal on disk has every call that changed
 * something. Opened again, it plays the journal. It is right for a tool on one's desk: one process, some thousand tasks.
 *
 * What any store has to do is marked with its rule of the port: who writes to a real engine has the same places to fill.
 */
import { open, readFile, truncate, type FileHandle } from 'node:fs/promises'
import { InvalidArgumentError, MemoryStore, StoreError, systemPlatform } from '@millrace/core'
import type * as port from '@millrace/core/store'

/** A call that changes something: when it was made, and with what. */
type Entry = readonly [at: number, method: Change, request: unknown]
type Change =
  | 'openSession'
  | 'renew'
  | 'orderSession'
  | 'closeSession'
  | 'add'
  | 'exchange'
  | 'reclaim'
  | 'sweep'
  | 'deliver'
  | 'prune'
  | 'command'
  | 'configureQueue'
  | 'openGate'
  | 'configureLimit'
  | 'removeLimit'
  | 'configurePartition'
  | 'recount'
  | 'audit'
  | 'configureBudget'
  | 'spend'
  | 'putSchedule'
  | 'removeSchedule'
  | 'tick'
  | 'acquireLock'
  | 'renewLock'
  | 'releaseLock'

export class JournalStore implements port.Store {
  readonly kind = 'journal'
  readonly retentionBytes: number = 1_024 ** 3
  // each call is carried out when it is made, and sees what those before it did
  readonly calls = 'in order'
  // the file has one writer, which is this object
  readonly elsewhere = 'never'
  readonly #path: string
  #at = 0
  #shiftedMs = 0
  // Rule: times are compared with store time only, which has one door.
  readonly #platform = { ...systemPlatform, wallMs: () => this.#at }
  #tasks = new MemoryStore({ platform: this.#platform })
  #file: FileHandle | undefined
  #lines: string[] = []
  #writing: Promise<void> | undefined
  #broken: StoreError | undefined

  /** @throws InvalidArgumentError */
  constructor({ path }: { readonly path: string }) {
    if (typeof path !== 'string' || path === '') {
      throw new InvalidArgumentError('The journal has no path.', {
        hint: "Give one: { path: 'tasks.journal' }.",
      })
    }
    this.#path = path
  }

  /** Rule: refuse what could not be worked with safely, and say what to do. */
  async open(): Promise<void> {
    let file: FileHandle | undefined
    try {
      file = await open(this.#path, 'a')
      await this.#replay()
      this.#file = file
    } catch (cause) {
      await file?.close()
      if (cause instanceof StoreError) throw cause
      throw new StoreError('store-unavailable', `The journal ${this.#path} cannot be opened.`, {
        effect: 'none',
        hint: 'Its folder must exist, and this user must be allowed to write there.',
        cause,
      })
    }
  }

  /** Rule: it is called once, after everything else has ended; iterators of `watch` end. */
  async close(): Promise<void> {
    await this.#tasks.close()
    await this.#file?.close()
    this.#file = undefined
  }

  // Rule: what stands between this process and the tasks can be made anew. Here there is nothing.
  async reconnect(): Promise<void> {}

  // Sessions

  openSession(request: port.SessionRequest): ReturnType<port.Store['openSession']> {
    return this.#change('openSession', request, () => this.#tasks.openSession(request))
  }

  renew(request: port.RenewRequest): Promise<port.RenewAnswer> {
    return this.#change('renew', request, () => this.#tasks.renew(request))
  }

  orderSession(request: port.SessionOrderRequest): ReturnType<port.Store['orderSession']> {
    return this.#change('orderSession', request, () => this.#tasks.orderSession(request))
  }

  closeSession(session: port.SessionId): Promise<void> {
    return this.#change('closeSession', session, () => this.#tasks.closeSession(session))
  }

  // Tasks

  add(request: port.AddRequest): Promise<readonly port.GroupAnswer[]> {
    return this.#change('add', request, () => this.#tasks.add(request))
  }

  exchange(request: port.ExchangeRequest): Promise<port.ExchangeAnswer> {
    return this.#change('exchange', request, () => this.#tasks.exchange(request))
  }

  reclaim(request: port.ReclaimRequest): Promise<port.ReclaimAnswer> {
    return this.#change('reclaim', request, () => this.#tasks.reclaim(request))
  }

  // Upkeep

  sweep(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#change('sweep', request, () => this.#tasks.sweep(request))
  }

  deliver(request: port.UpkeepRequest): Promise<port.UpkeepAnswer> {
    return this.#change('deliver', request, () => this.#tasks.deliver(request))
  }

  prune(request: port.PruneRequest): Promise<port.UpkeepAnswer> {
    return this.#change('prune', request, () => this.#tasks.prune(request))
  }

  // Control

  command(request: port.CommandRequest): Promise<port.CommandAnswer> {
    return this.#change('command', request, () => this.#tasks.command(request))
  }

  configureQueue(request: port.QueueSettings): Promise<void> {
    return this.#change('configureQueue', request, () => this.#tasks.configureQueue(request))
  }

  openGate(gate: string): Promise<'open' | 'gone'> {
    return this.#change('openGate', gate, () => this.#tasks.openGate(gate))
  }

  // Flow control

  configureLimit(request: port.LimitSettings): Promise<'applied' | 'outdated'> {
    return this.#change('configureLimit', request, () => this.#tasks.configureLimit(request))
  }

  removeLimit(name: port.LimitName): Promise<void> {
    return this.#change('removeLimit', name, () => this.#tasks.removeLimit(name))
  }

  configurePartition(request: port.PartitionSettings): Promise<void> {
    return this.#change('configurePartition', request, () => this.#tasks.configurePartition(request))
  }

  recount(): Promise<port.RecountAnswer> {
    return this.#change('recount', null, () => this.#tasks.recount())
  }

  limits(request: port.LimitsRequest): Promise<port.LimitsAnswer> {
    return this.#look(() => this.#tasks.limits(request))
  }

  partitions(): Promise<readonly port.PartitionRecord[]> {
    return this.#look(() => this.#tasks.partitions())
  }

  // Budgets

  configureBudget(request: port.BudgetSettings): Promise<'applied' | 'too-many'> {
    return this.#change('configureBudget', request, () => this.#tasks.configureBudget(request))
  }

  spend(request: port.SpendRequest): Promise<void> {
    return this.#change('spend', request, () => this.#tasks.spend(request))
  }

  budgets(): Promise<readonly port.BudgetSettings[]> {
    return this.#look(() => this.#tasks.budgets())
  }

  usage(questions: readonly port.UsageQuestion[]): Promise<port.UsageAnswer> {
    return this.#look(() => this.#tasks.usage(questions))
  }

  // Schedules

  putSchedule(request: port.SchedulePut): Promise<port.SchedulePutAnswer> {
    return this.#change('putSchedule', request, () => this.#tasks.putSchedule(request))
  }

  removeSchedule(name: string): Promise<'removed' | 'unknown'> {
    return this.#change('removeSchedule', name, () => this.#tasks.removeSchedule(name))
  }

  tick(request: port.Tick): Promise<port.TickAnswer> {
    return this.#change('tick', request, () => this.#tasks.tick(request))
  }

  schedule(name: string): Promise<port.ScheduleRecord | null> {
    return this.#look(() => this.#tasks.schedule(name))
  }

  schedules(request: Parameters<port.Store['schedules']>[0]): ReturnType<port.Store['schedules']> {
    return this.#look(() => this.#tasks.schedules(request))
  }

  dueSchedules(request: { readonly max: number }): Promise<port.DueSchedules> {
    return this.#look(() => this.#tasks.dueSchedules(request))
  }

  // Locks

  acquireLock(request: port.LockRequest): Promise<port.LockAnswer> {
    return this.#change('acquireLock', request, () => this.#tasks.acquireLock(request))
  }

  renewLock(request: Parameters<port.Store['renewLock']>[0]): Promise<'held' | 'lost'> {
    return this.#change('renewLock', request, () => this.#tasks.renewLock(request))
  }

  releaseLock(request: Parameters<port.Store['releaseLock']>[0]): Promise<'released' | 'lost'> {
    return this.#change('releaseLock', request, () => this.#tasks.releaseLock(request))
  }

  locks(): Promise<readonly port.LockRecord[]> {
    return this.#look(() => this.#tasks.locks())
  }

  // Inspection

  get(ids: readonly port.TaskId[]): ReturnType<port.Store['get']> {
    return this.#look(() => this.#tasks.get(ids))
  }

  outcomes(request: Parameters<port.Store['outcomes']>[0]): ReturnType<port.Store['outcomes']> {
    return this.#look(() => this.#tasks.outcomes(request))
  }

  list(request: port.ListRequest): Promise<port.ListAnswer> {
    return this.#look(() => this.#tasks.list(request))
  }

  queues(): Promise<readonly port.QueueRecord[]> {
    return this.#look(() => this.#tasks.queues())
  }

  waitingRoutes(): ReturnType<port.Store['waitingRoutes']> {
    return this.#look(() => this.#tasks.waitingRoutes())
  }

  dueSoon(request: port.DueSoonRequest): Promise<readonly port.DueSoon[]> {
    return this.#look(() => this.#tasks.dueSoon(request))
  }

  standing(request: port.StandingRequest): Promise<port.Standing | null> {
    return this.#look(() => this.#tasks.standing(request))
  }

  sessions(): Promise<readonly port.SessionRecord[]> {
    return this.#look(() => this.#tasks.sessions())
  }

  definitions(): Promise<readonly port.PublishedDefinition[]> {
    return this.#look(() => this.#tasks.definitions())
  }

  now(): Promise<number> {
    return this.#look(() => this.#tasks.now())
  }

  // Wakeups

  /** What can be told of the journal is told when it is opened. */
  audit(request: port.AuditRequest): Promise<port.AuditAnswer> {
    return request.repair
      ? this.#change('audit', request, () => this.#tasks.audit(request))
      : this.#look(() => this.#tasks.audit(request))
  }

  watch(): AsyncIterableIterator<port.Hint> {
    return this.#tasks.watch()
  }

  /** For the conformance suite: moves store time. A clock that is moved back stands still. */
  shiftClock(ms: number): void {
    this.#shiftedMs += ms
  }

  /** Rule: what was answered is kept, so the answer waits for the disk. */
  async #change<T>(method: Change, request: unknown, apply: () => Promise<T>): Promise<T> {
    this.#beginCall()
    const answer = apply()
    this.#lines.push(`${JSON.stringify([this.#at, method, request] satisfies Entry, withBytes)}\n`)
    const [settled] = await Promise.allSettled([answer, this.#written()])
    if (this.#broken !== undefined) throw this.#broken
    if (settled.status === 'rejected') throw settled.reason
    return settled.value
  }

  /** What is read was decided, but may not be on disk yet: nobody is told before it is. */
  async #look<T>(look: () => Promise<T>): Promise<T> {
    this.#beginCall()
    const answer = await look()
    await this.#written()
    if (this.#broken !== undefined) throw this.#broken
    return answer
  }

  #beginCall(): void {
    if (this.#broken !== undefined) throw this.#broken
    if (this.#file === undefined) {
      throw new StoreError('store-unavailable', 'The journal is not open.', {
        effect: 'final',
        hint: 'Call open() first, and nothing after close().',
      })
    }
    this.#at = Math.max(this.#at, systemPlatform.wallMs() + this.#shiftedMs)
  }

  /** Resolves when everything up to now is on disk. Calls that come together share the time that the disk takes. */
  async #written(): Promise<void> {
    await this.#writing
    if (this.#lines.length > 0) this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
    await this.#writing
  }

  /** Rule: say honestly what may have happened. What is in memory cannot be taken back, so the store is done for. */
  async #write(): Promise<void> {
    const text = this.#lines.join('')
    this.#lines = []
    try {
      await this.#file!.appendFile(text)
      await this.#file!.datasync()
    } catch (cause) {
      this.#broken = new StoreError('store-unavailable', `The journal ${this.#path} cannot be written.`, {
        effect: 'unknown',
        hint: 'See that there is space on the disk, and start this process again.',
        cause,
      })
    }
  }

  /** A line that a crash cut short was answered to nobody. */
  async #replay(): Promise<void> {
    const bytes = await readFile(this.#path)
    const length = bytes.lastIndexOf(10) + 1
    if (length < bytes.length) await truncate(this.#path, length)
    this.#tasks = new MemoryStore({ platform: this.#platform })
    for (const line of bytes.toString('utf8', 0, length).split('\n')) {
      if (line === '') continue
      const [at, method, request] = entryOf(line, this.#path)
      this.#at = at
      // what was refused the first time is refused again, and has changed nothing
      await (this.#tasks[method] as (request: unknown) => Promise<unknown>)(request).catch(() => undefined)
    }
  }
}

function entryOf(line: string, path: string): Entry {
  try {
    return JSON.parse(line, toBytes) as Entry
  } catch (cause) {
    throw new StoreError('store-corrupt', `The journal ${path} is damaged.`, {
      effect: 'final',
      hint: 'Restore it from a backup, or give the path of a new file.',
      cause,
    })
  }
}

/** Rule: payloads are texts of JSON or bytes, and come back as they are. (A Buffer is asked before it would be made JSON.) */
function withBytes(this: Readonly<Record<string, unknown>>, key: string): unknown {
  const value = this[key]
  return value instanceof Uint8Array ? { '~bytes': Buffer.from(value).toString('base64') } : value
}

function toBytes(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('~bytes' in value)) return value
  return new Uint8Array(Buffer.from(value['~bytes'] as string, 'base64'))
}
