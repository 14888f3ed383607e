/** Flow control: how much may run at once or in a time, and whose turn it is. Part of the port, whose rules hold here too. */
import type { Nonce } from './records.ts'

/** The part of a store that keeps limits and weights of partitions. */
export interface Flow {
  /**
   * Sets what is allowed under a name, from now on. A limit on concurrency counts what runs already: with its
   * first setting, and whenever it comes back, the store counts the running tasks under each of its keys. A rate
   * that becomes faster holds for keys that were used up under the old one, too: no arrival is further ahead of store
   * time than a whole burst.
   *
   * With `version` only if the limit still has it (0: if there is none), else `outdated`, and nothing is
   * written. A setting is known by its nonce: repeated, it is `applied` while nobody has set another.
   */
  configureLimit(request: LimitSettings): Promise<'applied' | 'outdated'>
  /** Nothing is held back under this name any more. */
  removeLimit(name: string): Promise<void>
  /** Limits by name, each with the keys that are used most; at most `limit`. */
  limits(request: LimitsRequest): Promise<LimitsAnswer>
  /** How much of its turn a partition gets, in all queues; the default is 1. */
  configurePartition(request: PartitionSettings): Promise<void>
  /** Partitions that have settings, by name. */
  partitions(): Promise<readonly PartitionRecord[]>
  /**
   * Counts what runs under each limit on concurrency once more, and mends what does not agree. Nothing ever
   * should: what counts is written by the operations that move the tasks.
   */
  recount(): Promise<RecountAnswer>
}

/**
 * The name of a limit that users made, or one of those that hold for tasks of themselves: `queue:` and the
 * name of a queue, `type:` and the name of a task type, `breaker:` and the name of a breaker.
 */
export type LimitName = string

/** What is allowed under a name from now on. */
export interface LimitSettings {
  readonly nonce: Nonce
  readonly name: LimitName
  readonly version: number | null
  readonly allowance: Allowance
  /** Nothing starts under it for so long from store time. */
  readonly shutMs: number | null
  /** Who set it, for core: what users set goes before what their code declares. */
  readonly by: 'code' | 'user' | 'breaker'
}

/** What may run under each key of a limit. */
export interface Allowance {
  /** At most so many at once, from 0; `null`: any number, and nothing is counted. */
  readonly concurrency: number | null
  readonly rate: Rate | null
}

/** At most `limit` (of cost 1) in any `perMs`, in the long run, and at most `burst` at once. */
export interface Rate {
  /** From 1. */
  readonly limit: number
  /** From 1 to 31 days. */
  readonly perMs: number
  /** From 1. What costs more than this counts as this. */
  readonly burst: number
}

/** What was used of one key. */
export interface Usage {
  /** How many run that were counted. */
  readonly used: number
  /** GCRA's theoretical arrival time, in milliseconds of store time and fractions of them; 0 if nothing ever started. */
  readonly arrivalAt: number
  /** Nothing starts before; 0: any time. */
  readonly shutUntil: number
}

/** Which limits are listed, and how many of their keys. */
export interface LimitsRequest {
  /** `null`: all. */
  readonly names: readonly LimitName[] | null
  readonly limit: number
  readonly cursor: string | null
  readonly keysMax: number
  /** Of keys only these, however many there are; left out: those that are used most. At most 1 000. */
  readonly keys?: readonly string[] | undefined
}

/** A page of limits; `next` is where the following one begins. */
export interface LimitsAnswer {
  readonly limits: readonly LimitRecord[]
  readonly next: string | null
}

/** A limit, as the store keeps it. */
export interface LimitRecord {
  readonly name: LimitName
  readonly version: number
  readonly allowance: Allowance
  readonly by: LimitSettings['by']
  /** Of the limit as a whole. */
  readonly shutUntil: number
  readonly configuredAt: number
  readonly keys: readonly (Usage & { readonly key: string })[]
}

/** The weight that a partition has from now on. */
export interface PartitionSettings {
  readonly partition: string
  /** A whole number from 1 to 1 000; `null` goes back to the default. */
  readonly weight: number | null
}

/** A partition that has a weight of its own. */
export interface PartitionRecord {
  readonly partition: string
  readonly weight: number
}

/** What counting anew has found. */
export interface RecountAnswer {
  /** How many keys were looked at. */
  readonly keys: number
  /** Those whose count was wrong, as it was. */
  readonly mended: readonly {
    readonly name: LimitName
    readonly key: string
    readonly was: number
    readonly is: number
  }[]
}
