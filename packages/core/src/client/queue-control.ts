/** `mill.queues` and `mill.workers`. */
import { InvalidArgumentError, NotFoundError } from '../task/errors.ts'
import { checkedName } from '../task/limits.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { DEFAULT_RETENTION } from '../policy/retention.ts'
import type { QueueRecord, SessionRecord } from '../store/inspection.ts'
import { UPKEEP_LOCK } from '../upkeep/leadership.ts'
import { keptText } from '../task/kept-text.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import type { QueueSettings } from '../store/control.ts'
import { checkedSlots } from '../worker/options.ts'
import type { Retention, SessionOrderRequest } from '../store/port.ts'
import type { SessionId } from '../store/records.ts'
import type { Connection } from './connection.ts'

/** How long final tasks are kept. What is left out is as by default; `false` lifts a bound. */
export interface RetentionOptions {
  /** Default 1 d. */
  readonly succeeded?: Duration | false | undefined
  /** Default 1 d. */
  readonly cancelled?: Duration | false | undefined
  /** Default 14 d. */
  readonly failed?: Duration | false | undefined
  /** Final tasks of the queue. Default: no bound. */
  readonly count?: number | false | undefined
  /** Bytes of final tasks of the queue. Default: the store's, 1 GiB on SQLite. */
  readonly bytes?: number | false | undefined
}

/** What can be set for a queue; what is left out stays as it is. */
export interface QueueOptions {
  /** `null` goes back to the default. */
  readonly retention?: RetentionOptions | null | undefined
}

/** What is noted beside a pause. */
export interface PauseOptions {
  /** Who pauses it, and maybe why: at most 200 characters, the rest is cut. */
  readonly by?: string | undefined
}

/** Longest text of who pauses a queue, in characters. */
const BY_MAX = 200

/** `mill.queues`: what is in the queues, pauses, and retention. */
export class QueueControl {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  list(): Promise<readonly QueueRecord[]> {
    return this.#connection.operation(() => this.#connection.read((store) => store.queues()))
  }

  /**
   * Nothing of this queue is started until it is resumed. What runs goes on. Who pauses it is shown to those who ask why
   * a task does not start; a queue that is paused already stays as it is.
   *
   * @throws InvalidArgumentError, StoreError
   */
  async pause(queue: string, options: PauseOptions = {}): Promise<void> {
    checkedName(queue, 'The queue')
    checkMembers(options, PAUSE_MEMBERS, 'queues.pause')
    const { by } = options
    if (by !== undefined && typeof by !== 'string')
      throw new InvalidArgumentError(`Who pauses the queue is ${shown(by)}.`, { hint: 'It is a text.' })
    await this.#configure({ queue, paused: true, by: by === undefined ? null : keptText(by, BY_MAX) })
  }

  async resume(queue: string): Promise<void> {
    checkedName(queue, 'The queue')
    await this.#configure({ queue, paused: false })
  }

  async configure(queue: string, options: QueueOptions): Promise<void> {
    checkedName(queue, 'The queue')
    checkMembers(options, QUEUE_MEMBERS, 'queues.configure')
    const { retention } = options
    if (retention === undefined) return
    const settings = retention === null ? null : retentionOf(retention, this.#connection.store.retentionBytes)
    await this.#configure({ queue, retention: settings })
  }

  #configure(request: QueueSettings): Promise<void> {
    return this.#connection.operation(() => this.#connection.call((store) => store.configureQueue(request)))
  }
}

/** A worker, as the store knows it. */
export interface WorkerStatus extends SessionRecord {
  /** Since when it leads the upkeep; `null`: it does not. At most one does. */
  readonly leadsSince: number | null
}

/** `mill.workers`: the workers whose lease stands, and orders to them. */
export class WorkerControl {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The workers whose lease stands. */
  list(): Promise<readonly WorkerStatus[]> {
    return this.#connection.operation(async () => {
      const sessions = await this.#connection.read((store) => store.sessions())
      const locks = await this.#connection.read((store) => store.locks())
      const upkeep = locks.find(({ name }) => name === UPKEEP_LOCK)
      return sessions.map((session) => {
        return { ...session, leadsSince: session.session === upkeep?.about ? upkeep.acquiredAt : null }
      })
    })
  }

  /**
   * Lets a worker claim nothing more, and end when all that it runs has ended, however long that takes. It hears of it
   * with its next renewal: after a third of its lease at the latest.
   *
   * @param id the session of a worker, as `list` answers it
   * @throws NotFoundError if its lease does not stand, InvalidArgumentError
   */
  async drain(id: string): Promise<void> {
    await this.#order({ session: checkedSession(id), end: 'drain' })
  }

  /**
   * Stops a worker as if its process were asked to end: running handlers have its drain time, then what is left goes
   * back to the store. It hears of it as of `drain`.
   *
   * @throws what `drain` throws
   */
  async stop(id: string): Promise<void> {
    await this.#order({ session: checkedSession(id), end: 'stop' })
  }

  /**
   * Lets a worker run so many handlers at the same time, from 1 to 10 000, for as long as its session lasts: a worker that
   * starts again has what its options say. Queues with a number of slots of their own keep it. It hears of it as of `drain`.
   *
   * @throws what `drain` throws
   */
  async resize(id: string, concurrency: number): Promise<void> {
    await this.#order({ session: checkedSession(id), concurrency: checkedSlots(concurrency, 'concurrency') })
  }

  async #order(request: SessionOrderRequest): Promise<void> {
    const connection = this.#connection
    const { session } = await connection.operation(() =>
      connection.call((store) => store.orderSession(request)),
    )
    if (session === 'alive') return
    throw new NotFoundError(`There is no worker ${request.session}.`, {
      hint: 'It has ended, or never was in this store. Those that are there: mill.workers.list(), millrace workers.',
    })
  }
}

/** @throws InvalidArgumentError */
function checkedSession(id: string): SessionId {
  if (typeof id === 'string' && SESSION.test(id)) return id
  throw new InvalidArgumentError(`A worker's id is ${shown(id)}.`, {
    hint: 'It is the `session` of one that mill.workers.list() answers.',
  })
}

const SESSION = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

const PAUSE_MEMBERS: Members<PauseOptions> = { by: true }
const QUEUE_MEMBERS: Members<QueueOptions> = { retention: true }
const RETENTION_MEMBERS: Members<RetentionOptions> = {
  succeeded: true,
  cancelled: true,
  failed: true,
  count: true,
  bytes: true,
}

function retentionOf(options: RetentionOptions, storeBytes: number): Retention {
  checkMembers(options, RETENTION_MEMBERS, 'retention')
  const age = (given: Duration | false | undefined, what: string, byDefault: number | null): number | null =>
    given === undefined ? byDefault : given === false ? null : durationMs(given, what)
  const bound = (given: number | false | undefined, what: string, byDefault: number | null): number | null =>
    given === undefined ? byDefault : given === false ? null : checkedBound(given, what)
  return {
    succeededMs: age(options.succeeded, 'retention.succeeded', DEFAULT_RETENTION.succeededMs),
    cancelledMs: age(options.cancelled, 'retention.cancelled', DEFAULT_RETENTION.cancelledMs),
    failedMs: age(options.failed, 'retention.failed', DEFAULT_RETENTION.failedMs),
    count: bound(options.count, 'retention.count', DEFAULT_RETENTION.count),
    bytes: bound(options.bytes, 'retention.bytes', storeBytes),
  }
}

function checkedBound(bound: number, what: string): number {
  if (Number.isSafeInteger(bound) && bound >= 0) return bound
  throw new InvalidArgumentError(`${what} is ${shown(bound)}.`, {
    hint: 'It is a whole number from 0; `false` lifts the bound.',
  })
}
