/** `mill.queues` and `mill.workers`. */
import { InvalidArgumentError } from '../task/errors.ts'
import { checkedName } from '../task/limits.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { DEFAULT_RETENTION } from '../policy/retention.ts'
import type { QueueRecord, SessionRecord } from '../store/inspection.ts'
import { UPKEEP_LOCK } from '../upkeep/leadership.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import type { QueueSettings } from '../store/control.ts'
import type { Retention } from '../store/port.ts'
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

export interface QueueOptions {
  /** `null` goes back to the default. */
  readonly retention?: RetentionOptions | null | undefined
}

export class QueueControl {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  list(): Promise<readonly QueueRecord[]> {
    return this.#connection.operation(() => this.#connection.read((store) => store.queues()))
  }

  /** Nothing of this queue is started until it is resumed. What runs goes on. */
  async pause(queue: string): Promise<void> {
    checkedName(queue, 'The queue')
    await this.#configure({ queue, paused: true })
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

export interface WorkerStatus extends SessionRecord {
  /** Since when it leads the upkeep; `null`: it does not. At most one does. */
  readonly leadsSince: number | null
}

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
}

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
