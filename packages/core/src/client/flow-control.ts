/** What operators and code say about limits, breakers and partitions. */
import { allowanceOf, breakerLimit, type RateOptions } from '../task/flow-options.ts'
import { breakerState, type BreakerState } from '../policy/breaker.ts'
import { checkedKey, checkedName } from '../task/limits.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { durationMs, type Duration } from '../task/duration.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { newNonce } from '../task/ids.ts'
import { shown } from '../task/shown.ts'
import type { Connection } from './connection.ts'
import type {
  LimitName,
  LimitRecord,
  LimitsAnswer,
  LimitSettings,
  LimitsRequest,
  PartitionRecord,
  RecountAnswer,
} from '../store/flow.ts'

/** A limit by its name, or the one that a queue or a task type has of itself. */
export type LimitReference = string | { readonly queue: string } | { readonly type: string }

/** How much is allowed; one that is left out is not limited. */
export interface LimitSetting {
  /** At most so many at once under each key: a whole number from 1 to 1 000 000. */
  readonly concurrency?: number | undefined
  readonly rate?: RateOptions | undefined
}

/** How many keys of a limit are shown: those that are used most. */
const KEYS_SHOWN = 20
const PAGE = 100

/** `mill.limits`: limits on concurrency and rates at run time, and what counts under them. */
export class LimitControl {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * Says how much is allowed under a name, on all workers together, from now on. It goes before what definitions
   * declare.
   *
   * @throws InvalidArgumentError, StoreError
   */
  async put(limit: LimitReference, setting: LimitSetting): Promise<void> {
    const name = limitName(limit)
    checkMembers(setting, SETTING_MEMBERS, 'limits.put')
    const allowance = allowanceOf({ name, ...setting })
    if (allowance.concurrency === null && allowance.rate === null) {
      throw new InvalidArgumentError(`Nothing is limited by ${name}.`, {
        hint: 'Give concurrency, or rate, or both; limits.remove lifts a limit.',
      })
    }
    await configure(this.#connection, { name, allowance, version: null, shutMs: null, by: 'user' })
  }

  /** All limits by name, each with the keys that are used most. Breakers, which are kept as limits, have a list of their own. */
  list(): Promise<readonly LimitRecord[]> {
    return this.#connection.operation(async () => {
      const limits = await allLimits(this.#connection)
      return limits.filter(({ name }) => !name.startsWith(PREFIX))
    })
  }

  /** Nothing is held back under this name any more, until it is put or a worker that declares it starts. */
  async remove(limit: LimitReference): Promise<void> {
    const name = limitName(limit)
    await this.#connection.operation(() => this.#connection.call((store) => store.removeLimit(name)))
  }

  /**
   * Counts what runs under each limit on concurrency once more, and mends what does not agree. Nothing ever should:
   * it is a check.
   */
  recount(): Promise<RecountAnswer> {
    return this.#connection.operation(() => this.#connection.call((store) => store.recount()))
  }
}

/** A breaker as it is shown. */
export interface BreakerInfo {
  readonly name: string
  readonly state: BreakerState
  /** When probes begin, while it is open. */
  readonly opensAt: Date | null
  readonly changedAt: Date
}

/** `mill.breakers`: circuit breakers by hand. */
export class BreakerControl {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** Those that ever opened, or were tripped. */
  async list(): Promise<readonly BreakerInfo[]> {
    return this.#connection.operation(async () => {
      const limits = await allLimits(this.#connection)
      const now = await this.#connection.read((store) => store.now())
      return limits.filter(({ name }) => name.startsWith(PREFIX)).map((limit) => infoOf(limit, now))
    })
  }

  /**
   * Opens a breaker: nothing that needs it starts for a while, and then probes do.
   *
   * @param options `for` how long: default 30 s
   * @throws InvalidArgumentError, StoreError
   */
  async trip(name: string, options: { readonly for?: Duration | undefined } = {}): Promise<void> {
    checkMembers(options, TRIP_MEMBERS, 'breakers.trip')
    const shutMs = durationMs(options.for ?? '30s', 'for')
    await this.#set(name, { allowance: { concurrency: PROBES, rate: null }, shutMs })
  }

  /** Closes a breaker at once. */
  reset(name: string): Promise<void> {
    return this.#set(name, { allowance: { concurrency: null, rate: null }, shutMs: null })
  }

  async #set(name: string, state: Pick<LimitSettings, 'allowance' | 'shutMs'>): Promise<void> {
    const limit = breakerLimit(checkedName(name, 'The breaker'))
    await configure(this.#connection, { name: limit, version: null, by: 'breaker', ...state })
  }
}

/** Where nobody knows the definition: as many as it has by default. */
const PROBES = 2
const PREFIX = breakerLimit('')

/** `mill.partitions`: which partitions get more than one turn a round. */
export class PartitionControl {
  readonly #connection: Connection

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /**
   * Says how much of its turns a partition gets, in all queues.
   *
   * @param options `weight`: a whole number from 1 to 1 000; `null` goes back to 1
   * @throws InvalidArgumentError, StoreError
   */
  async put(partition: string, options: { readonly weight: number | null }): Promise<void> {
    checkedKey(partition, 'The partition')
    checkMembers(options, WEIGHT_MEMBERS, 'partitions.put')
    const { weight } = options
    if (weight !== null && !(Number.isInteger(weight) && weight >= 1 && weight <= 1_000)) {
      throw new InvalidArgumentError(`The weight is ${shown(weight)}.`, {
        hint: 'It is a whole number from 1 to 1 000, or null for the default, 1.',
      })
    }
    const request = { partition, weight }
    await this.#connection.operation(() =>
      this.#connection.call((store) => store.configurePartition(request)),
    )
  }

  /** Those that have a weight of their own. */
  list(): Promise<readonly PartitionRecord[]> {
    return this.#connection.operation(() => this.#connection.read((store) => store.partitions()))
  }
}

function limitName(limit: LimitReference): LimitName {
  if (typeof limit === 'string') return checkedName(limit, 'The name of a limit')
  checkMembers(limit, REFERENCE_MEMBERS, 'a limit')
  if ('queue' in limit === 'type' in limit) {
    throw new InvalidArgumentError(`A limit is named by ${shown(limit)}.`, {
      hint: "It is a name, { queue: 'name' } or { type: 'name' }.",
    })
  }
  if ('queue' in limit) return `queue:${checkedName(limit.queue, 'The queue')}`
  return `type:${checkedName(limit.type, 'The task type')}`
}

async function configure(connection: Connection, setting: Omit<LimitSettings, 'nonce'>): Promise<void> {
  const request = { ...setting, nonce: newNonce(connection.platform) }
  await connection.operation(() => connection.call((store) => store.configureLimit(request)))
}

async function allLimits(connection: Connection): Promise<readonly LimitRecord[]> {
  const all: LimitRecord[] = []
  let cursor: string | null = null
  do {
    const request: LimitsRequest = { names: null, limit: PAGE, cursor, keysMax: KEYS_SHOWN }
    const answer: LimitsAnswer = await connection.read((store) => store.limits(request))
    all.push(...answer.limits)
    cursor = answer.next
  } while (cursor !== null)
  return all
}

function infoOf(limit: LimitRecord, now: number): BreakerInfo {
  const state = breakerState(limit, now)
  return {
    name: limit.name.slice(PREFIX.length),
    state,
    opensAt: state === 'open' ? new Date(limit.shutUntil) : null,
    changedAt: new Date(limit.configuredAt),
  }
}

const SETTING_MEMBERS: Members<LimitSetting> = { concurrency: true, rate: true }
const TRIP_MEMBERS: Members<{ for?: Duration }> = { for: true }
const WEIGHT_MEMBERS: Members<{ weight: number | null }> = { weight: true }
const REFERENCE_MEMBERS: Members = { queue: true, type: true }
