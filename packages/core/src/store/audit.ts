/** The audit: what must hold inside a store, and no reader sees. Part of the port, whose rules hold here too. */

export interface Auditing {
  /**
   * Looks at some of what the store keeps beside its tasks, and at the engine: whether they agree with the tasks, and
   * whether the engine is whole and set as it has to be. Page by page: each sees one moment, looks at `limit` things
   * or fewer, and keeps nobody waiting for longer than an ordinary operation does. Whatever the order of the
   * operations of others, what they leave is no defect.
   *
   * With `repair`, the defects of the page whose remedy is `repair` are mended by the same atomic step that finds them;
   * each by itself, and only while it is one. Else nothing is written.
   *
   * @throws InvalidArgumentError for a cursor that is none of its own
   */
  audit(request: AuditRequest): Promise<AuditAnswer>
}

/** Which page of what it keeps a store looks over, and whether it mends it. */
export interface AuditRequest {
  /** Where the last page ended; `null`: from the beginning. */
  readonly cursor: string | null
  /** From 1 to 1 000. */
  readonly limit: number
  readonly repair: boolean
}

/** What a page of an audit found. */
export interface AuditAnswer {
  /** What was found, also where it is mended now. */
  readonly defects: readonly StoreDefect[]
  /** What could not be looked at, each as a sentence: the engine forbids it, or it would take too long. */
  readonly unseen: readonly string[]
  /** `null`: that was all. */
  readonly next: string | null
}

/**
 * `stray-key`: a unique key is held for a task that is gone, or has let it go. `lost-key`: a task is to hold its key, and does not. `stray-edge`: a dependency whose dependent has
 * ended or is gone. `orphaned-edge`: a task waits for what has ended, and nobody is to tell it. `wait-count`: what a
 * blocked task waits for is not as much as it says. `stray-claim`: a claim of what does not run. `lost-claim`: what runs is in nobody's
 * claims, so that nobody would take it over. `stray-limit`: use is remembered of a limit that is not there. `limit-count`:
 * what is counted under a limit is not what runs (`recount` mends that, not the audit).
 * `stray-place`: an entry in a line, or in an order by time, of a task that does not stand there. `lost-place`: a task stands
 * where its state does not say. `stray-payload`: data that belong to no task. `lost-payload`: data of a task that are
 * not there. `queue-counts`: what is counted of a queue is not what it has.
 *
 * Of the engine: `engine-damage`: what it keeps is damaged. `engine-schema`: tables, indexes or functions are missing, or not as they
 * were made. `engine-durability`: what it confirms may be lost when it crashes. `engine-settings`: it is set so that it
 * works badly, or loses data of its own accord. `engine-pressure`: it is about to run out of something.
 */
export type StoreDefectCode =
  | 'stray-key'
  | 'lost-key'
  | 'stray-edge'
  | 'orphaned-edge'
  | 'wait-count'
  | 'stray-claim'
  | 'lost-claim'
  | 'stray-limit'
  | 'limit-count'
  | 'stray-place'
  | 'lost-place'
  | 'stray-payload'
  | 'lost-payload'
  | 'queue-counts'
  | 'engine-damage'
  | 'engine-schema'
  | 'engine-durability'
  | 'engine-settings'
  | 'engine-pressure'

/** Who mends it: a repair, any worker that runs, or people. */
export type Remedy = 'repair' | 'worker' | 'operator'

/** Something that a store found wrong in what it keeps, and what can be done about it. */
export interface StoreDefect {
  readonly code: StoreDefectCode
  /** What it is about: a task, a key, a queue, a setting. Code and subject are the same each time it is found. */
  readonly subject: string
  /** What is wrong, as a sentence. */
  readonly message: string
  readonly remedy: Remedy
}
