/** What a task is told whose definition another one names as its `deadLetter`. */
import type { AnyTask } from './definition.ts'
import type { FailReason, TaskId } from '../store/records.ts'

/** A task that failed for good: no attempt of it comes any more. The task itself stays, for as long as failed ones are kept. */
export interface DeadLetter {
  readonly id: TaskId
  readonly type: string
  readonly queue: string
  readonly reason: FailReason
  /** What was thrown at last; `null` where nothing was. */
  readonly error: { readonly name: string; readonly message: string; readonly code: string | null } | null
  /** How many were made. */
  readonly attempts: number
  /** When it failed, in milliseconds since 1970 by the store's clock. */
  readonly diedAt: number
  readonly tags: string[]
  readonly metadata: Record<string, string>
}

/** A task that takes a dead letter, or a part of it. */
export interface DeadLetterTask extends AnyTask {
  readonly with: (input: DeadLetter) => unknown
}
