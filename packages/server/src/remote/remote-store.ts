/**
 * A store over a Millrace server: what is asked of it is asked of the server, which asks the store behind it. All that it
 * needs for that is loaded when it is opened.
 */
import { besideModule, StoreError } from '@millrace/core/store'
import { remoteAddress, type RemoteAddress, type RemoteStoreOptions } from './address.ts'
import type { Elsewhere, Hint, Store } from '@millrace/core/store'
import type { Given, PortMethod, Taken } from '../wire/methods.ts'
import type { Line } from './line.ts'

/** Until the server has said it. */
const RETENTION_BYTES = 1_024 ** 3

/** The store over a server. */
export class RemoteStore implements Store {
  readonly kind = 'server'
  readonly calls = 'in any order'
  readonly inStages = true
  readonly #address: RemoteAddress
  #retentionBytes: number = RETENTION_BYTES
  #line: Line | undefined

  /** @throws StoreError `store-url`; InvalidArgumentError */
  constructor(options: RemoteStoreOptions) {
    this.#address = remoteAddress(options)
  }

  get retentionBytes(): number {
    return this.#retentionBytes
  }

  /** @throws InvalidArgumentError if what renews leases was left out of a bundle */
  get elsewhere(): Elsewhere {
    return {
      module: besideModule(import.meta.url, 'remote-leases').href,
      export: 'remoteLeases',
      options: this.#address,
    }
  }

  /** @throws AccessError if the server does not know the credential; StoreError, saying what to do */
  async open(): Promise<void> {
    const { Line: OpenedLine } = await import('./line.ts')
    const line = new OpenedLine(this.#address)
    try {
      this.#retentionBytes = (await line.describe()).retentionBytes
    } catch (error) {
      line.close()
      throw error
    }
    this.#line = line
  }

  async close(): Promise<void> {
    this.#line?.close()
    this.#line = undefined
  }

  async reconnect(): Promise<void> {
    this.#opened.reconnect()
  }

  watch(): AsyncIterableIterator<Hint> {
    return this.#opened.watch()
  }

  openSession(request: Taken<'openSession'>): Promise<Given<'openSession'>> {
    return this.#ask('openSession', request)
  }

  renew(request: Taken<'renew'>): Promise<Given<'renew'>> {
    return this.#ask('renew', request)
  }

  orderSession(request: Taken<'orderSession'>): Promise<Given<'orderSession'>> {
    return this.#ask('orderSession', request)
  }

  closeSession(session: Taken<'closeSession'>): Promise<Given<'closeSession'>> {
    return this.#ask('closeSession', session)
  }

  add(request: Taken<'add'>): Promise<Given<'add'>> {
    return this.#ask('add', request)
  }

  exchange(request: Taken<'exchange'>): Promise<Given<'exchange'>> {
    return this.#ask('exchange', request)
  }

  reclaim(request: Taken<'reclaim'>): Promise<Given<'reclaim'>> {
    return this.#ask('reclaim', request)
  }

  configureLimit(request: Taken<'configureLimit'>): Promise<Given<'configureLimit'>> {
    return this.#ask('configureLimit', request)
  }

  removeLimit(name: Taken<'removeLimit'>): Promise<Given<'removeLimit'>> {
    return this.#ask('removeLimit', name)
  }

  limits(request: Taken<'limits'>): Promise<Given<'limits'>> {
    return this.#ask('limits', request)
  }

  configurePartition(request: Taken<'configurePartition'>): Promise<Given<'configurePartition'>> {
    return this.#ask('configurePartition', request)
  }

  partitions(): Promise<Given<'partitions'>> {
    return this.#ask('partitions', undefined)
  }

  recount(): Promise<Given<'recount'>> {
    return this.#ask('recount', undefined)
  }

  configureBudget(request: Taken<'configureBudget'>): Promise<Given<'configureBudget'>> {
    return this.#ask('configureBudget', request)
  }

  budgets(): Promise<Given<'budgets'>> {
    return this.#ask('budgets', undefined)
  }

  usage(questions: Taken<'usage'>): Promise<Given<'usage'>> {
    return this.#ask('usage', questions)
  }

  spend(request: Taken<'spend'>): Promise<Given<'spend'>> {
    return this.#ask('spend', request)
  }

  putSchedule(request: Taken<'putSchedule'>): Promise<Given<'putSchedule'>> {
    return this.#ask('putSchedule', request)
  }

  removeSchedule(name: Taken<'removeSchedule'>): Promise<Given<'removeSchedule'>> {
    return this.#ask('removeSchedule', name)
  }

  schedule(name: Taken<'schedule'>): Promise<Given<'schedule'>> {
    return this.#ask('schedule', name)
  }

  schedules(request: Taken<'schedules'>): Promise<Given<'schedules'>> {
    return this.#ask('schedules', request)
  }

  dueSchedules(request: Taken<'dueSchedules'>): Promise<Given<'dueSchedules'>> {
    return this.#ask('dueSchedules', request)
  }

  tick(request: Taken<'tick'>): Promise<Given<'tick'>> {
    return this.#ask('tick', request)
  }

  acquireLock(request: Taken<'acquireLock'>): Promise<Given<'acquireLock'>> {
    return this.#ask('acquireLock', request)
  }

  renewLock(request: Taken<'renewLock'>): Promise<Given<'renewLock'>> {
    return this.#ask('renewLock', request)
  }

  releaseLock(request: Taken<'releaseLock'>): Promise<Given<'releaseLock'>> {
    return this.#ask('releaseLock', request)
  }

  locks(): Promise<Given<'locks'>> {
    return this.#ask('locks', undefined)
  }

  sweep(request: Taken<'sweep'>): Promise<Given<'sweep'>> {
    return this.#ask('sweep', request)
  }

  deliver(request: Taken<'deliver'>): Promise<Given<'deliver'>> {
    return this.#ask('deliver', request)
  }

  prune(request: Taken<'prune'>): Promise<Given<'prune'>> {
    return this.#ask('prune', request)
  }

  command(request: Taken<'command'>): Promise<Given<'command'>> {
    return this.#ask('command', request)
  }

  configureQueue(request: Taken<'configureQueue'>): Promise<Given<'configureQueue'>> {
    return this.#ask('configureQueue', request)
  }

  openGate(gate: Taken<'openGate'>): Promise<Given<'openGate'>> {
    return this.#ask('openGate', gate)
  }

  get(ids: Taken<'get'>): Promise<Given<'get'>> {
    return this.#ask('get', ids)
  }

  outcomes(request: Taken<'outcomes'>): Promise<Given<'outcomes'>> {
    return this.#ask('outcomes', request)
  }

  list(request: Taken<'list'>): Promise<Given<'list'>> {
    return this.#ask('list', request)
  }

  queues(): Promise<Given<'queues'>> {
    return this.#ask('queues', undefined)
  }

  waitingRoutes(): Promise<Given<'waitingRoutes'>> {
    return this.#ask('waitingRoutes', undefined)
  }

  dueSoon(request: Taken<'dueSoon'>): Promise<Given<'dueSoon'>> {
    return this.#ask('dueSoon', request)
  }

  standing(request: Taken<'standing'>): Promise<Given<'standing'>> {
    return this.#ask('standing', request)
  }

  sessions(): Promise<Given<'sessions'>> {
    return this.#ask('sessions', undefined)
  }

  definitions(): Promise<Given<'definitions'>> {
    return this.#ask('definitions', undefined)
  }

  now(): Promise<Given<'now'>> {
    return this.#ask('now', undefined)
  }

  audit(request: Taken<'audit'>): Promise<Given<'audit'>> {
    return this.#ask('audit', request)
  }

  async #ask<M extends PortMethod>(method: M, taken: Taken<M>): Promise<Given<M>> {
    return (await this.#opened.ask(method, taken)) as Given<M>
  }

  get #opened(): Line {
    if (this.#line !== undefined) return this.#line
    throw new StoreError('store-unavailable', 'The store is not open.', {
      effect: 'none',
      hint: 'Open it before anything else, and call nothing once it is closed.',
    })
  }
}
