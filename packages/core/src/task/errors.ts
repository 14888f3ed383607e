/**
 * Every error that Millrace raises. Errors are told apart by `code`, never by `instanceof`, so that two
 * installed copies of the library get along.
 */

const ERROR_CODES = [
  // what the caller asked for cannot be right
  'invalid-argument',
  'invalid-payload',
  'too-large',
  'decryption',
  'cycle',
  'unknown-task',
  'not-found',
  // the store refused it
  'conflict',
  'unique',
  'unknown-parent',
  'fenced',
  'backpressure',
  // what became of a task
  'task-failed',
  'task-cancelled',
  'crashed',
  'unhandled',
  'process-exit',
  'wait-timeout',
  'lock-held',
  'timeout',
  // the client or the store is not able to
  'closed',
  'ambiguous',
  'store-url',
  'store-unavailable',
  'store-busy',
  'store-full',
  'store-readonly',
  'store-corrupt',
  'store-schema',
  'stalled',
  // a server between the client and the store does not let the caller
  'unauthenticated',
  'forbidden',
  // what the user put around it
  'plugin',
  // what a handler throws to say what should happen
  'non-retryable',
  'retry-after',
  'snooze',
] as const

/** What went wrong, for programs. */
export type ErrorCode = (typeof ERROR_CODES)[number]

/** What an error says besides its message. */
export interface ErrorDetails {
  /** What the reader can do about it, as a sentence. */
  readonly hint?: string | undefined
  readonly cause?: unknown
}

/** What all errors of Millrace are. */
export class MillraceError extends Error {
  readonly code: ErrorCode
  /** What the reader can do about it. */
  readonly hint: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.hint = details.hint
  }
}

/** An option, name, duration or id that cannot be right. Nothing was written. */
export class InvalidArgumentError extends MillraceError {
  declare readonly code: 'invalid-argument'
  constructor(message: string, details?: ErrorDetails) {
    super('invalid-argument', message, details)
  }
}

/** What a schema found wrong with a value. */
export interface PayloadIssue {
  readonly message: string
  /** Where in the value, as `a.b[0]`; empty for the value as a whole. */
  readonly path: string
}

/** A payload or result that its schema refuses, or that is no JSON. Nothing was written. */
export class InvalidPayloadError extends MillraceError {
  declare readonly code: 'invalid-payload'
  readonly issues: readonly PayloadIssue[]
  constructor(message: string, issues: readonly PayloadIssue[], details?: ErrorDetails) {
    super('invalid-payload', message, details)
    this.issues = issues
  }
}

/** What is kept cannot be decrypted: its key is not there, or it was changed or moved. Running again would not help. */
export class DecryptionError extends MillraceError {
  declare readonly code: 'decryption'
  /** The id of the key; `null`: it is not encrypted, and should be. */
  readonly key: string | null
  constructor(message: string, key: string | null, details?: ErrorDetails) {
    super('decryption', message, details)
    this.key = key
  }
}

/** Something is beyond its limit (see the table of limits). Nothing was written. */
export class TooLargeError extends MillraceError {
  declare readonly code: 'too-large'
  constructor(message: string, details?: ErrorDetails) {
    super('too-large', message, details)
  }
}

/** Tasks that wait for each other in a circle. Nothing was written. */
export class CycleError extends MillraceError {
  declare readonly code: 'cycle'
  constructor(message: string, details?: ErrorDetails) {
    super('cycle', message, details)
  }
}

const NOT_FOUND_HINT =
  'Is it the right id, and the right store? Tasks that ended are kept as long as retention says.'

/** No task with this id: it never was, or was removed or forgotten by retention. */
export class NotFoundError extends MillraceError {
  declare readonly code: 'not-found'
  constructor(message: string, details: ErrorDetails = {}) {
    super('not-found', message, { hint: NOT_FOUND_HINT, ...details })
  }
}

/** The id is taken by a task of another type, queue or payload. Nothing was written. */
export class ConflictError extends MillraceError {
  declare readonly code: 'conflict'
  readonly id: string
  constructor(id: string) {
    super('conflict', `The task id ${id} is taken by a task with another type, queue or payload.`, {
      hint: 'An id names one task for good: use a new id, or repeat the enqueue with the very same input.',
    })
    this.id = id
  }
}

/** The unique key is held, and the newcomer asked to be rejected, or to replace what has started already. Nothing was written. */
export class UniqueKeyError extends MillraceError {
  declare readonly code: 'unique'
  readonly by: { readonly id: string; readonly state: string }
  constructor(key: string, by: { readonly id: string; readonly state: string }) {
    super('unique', `The unique key ${JSON.stringify(key)} is held by task ${by.id}, which is ${by.state}.`, {
      hint: "With `then: 'keep'` the enqueue answers a handle of the task that is there; with `then: 'replace'` it takes its place, as long as that waits to be started.",
    })
    this.by = by
  }
}

/** `after` names a task that the store does not know. Nothing was written. */
export class UnknownParentError extends MillraceError {
  declare readonly code: 'unknown-parent'
  readonly parent: string
  constructor(parent: string) {
    super('unknown-parent', `\`after\` names the task ${parent}, which the store does not know.`, {
      hint: 'Enqueue the parent first or in the same call; a parent that retention removed cannot be waited for.',
    })
    this.parent = parent
  }
}

/** The lease was lost: another worker owns the task now, and nothing that this one writes counts. */
export class FencedError extends MillraceError {
  declare readonly code: 'fenced'
  constructor(task: string, cause?: unknown) {
    super('fenced', `The lease of task ${task} was lost; another worker may be running it.`, {
      cause,
      hint: 'Stop: nothing that this attempt writes counts any more. Handlers notice by ctx.signal and ctx.throwIfLost().',
    })
  }
}

/**
 * There is too much already: on its way to the store, in it, or for a budget. Nothing of this call was written; try
 * again later.
 */
export class BackpressureError extends MillraceError {
  declare readonly code: 'backpressure'
  /** When it is worth trying again, in milliseconds from now; `null`: when something has ended, whenever that is. */
  readonly retryAfterMs: number | null
  constructor(message: string, details: ErrorDetails & { readonly retryAfterMs?: number | null } = {}) {
    super('backpressure', message, details)
    this.retryAfterMs = details.retryAfterMs ?? null
  }
}

/** The task failed for good. */
export class TaskFailedError extends MillraceError {
  declare readonly code: 'task-failed'
  readonly task: string
  readonly reason: string
  constructor(
    task: string,
    failure: { readonly reason: string; readonly message: string; readonly cause?: unknown },
  ) {
    super('task-failed', `Task ${task} failed (${failure.reason}): ${failure.message}`, {
      cause: failure.cause,
      hint: 'What was thrown is the `cause`. Mend what is wrong and start it over: mill.tasks.retry(id).',
    })
    this.task = task
    this.reason = failure.reason
  }
}

/** What ran the task ended, as by a lack of memory, a signal, or process.exit. */
export class CrashError extends MillraceError {
  declare readonly code: 'crashed'
  /** Of a process that ended by itself, or a thread; `null`: a signal ended it, or its memory. */
  readonly exitCode: number | null
  readonly signal: string | null
  /** The most memory that it was seen to take, in MiB; `null`: nobody knows. */
  readonly peakMb: number | null
  constructor(message: string, facts: Pick<CrashError, 'exitCode' | 'signal' | 'peakMb'>) {
    super('crashed', message)
    this.exitCode = facts.exitCode
    this.signal = facts.signal
    this.peakMb = facts.peakMb
  }
}

/** An error of the handler's that nobody caught, such as what a timer of its threw: the `cause`. */
export class UnhandledError extends MillraceError {
  declare readonly code: 'unhandled'
  constructor(message: string, cause: unknown) {
    super('unhandled', `Nobody caught what the handler caused: ${message}`, {
      cause,
      hint: 'Catch it where it arises: await every promise, and let callbacks reject one.',
    })
  }
}

/** The handler called `process.exit`, which would have ended the worker with all that it runs. */
export class ProcessExitError extends MillraceError {
  declare readonly code: 'process-exit'
  constructor(exitCode: number | string | null | undefined) {
    super('process-exit', `The handler called process.exit(${exitCode ?? ''}).`, {
      hint: "Let it throw instead, or run it in a process of its own: { runIn: 'process' }.",
    })
  }
}

/** The task was cancelled. */
export class TaskCancelledError extends MillraceError {
  declare readonly code: 'task-cancelled'
  readonly task: string
  constructor(task: string, reason: string | null) {
    super('task-cancelled', `Task ${task} was cancelled${reason === null ? '' : `: ${reason}`}.`, {
      hint: 'mill.tasks.retry(id) starts it over.',
    })
    this.task = task
  }
}

/** The wait is over, the task is not: it goes on. */
export class WaitTimeoutError extends MillraceError {
  declare readonly code: 'wait-timeout'
  constructor(task: string, withinMs: number) {
    super('wait-timeout', `Task ${task} had not ended after ${withinMs} ms; it goes on.`, {
      hint: 'Wait again or longer (`within`), see where it is with handle.status(), or end it with handle.cancel().',
    })
  }
}

/** Somebody else holds the lock, and held it for as long as was waited. */
export class LockHeldError extends MillraceError {
  declare readonly code: 'lock-held'
  constructor(name: string, withinMs: number) {
    super('lock-held', `The lock ${name} was not free within ${withinMs} ms.`, {
      hint: 'Wait longer (`within`), or see who has it: mill.locks().',
    })
  }
}

/** The client was closed. */
export class ClosedError extends MillraceError {
  declare readonly code: 'closed'
  constructor(what = 'This Millrace client') {
    super('closed', `${what} is closed.`, { hint: 'Make a new one: what was closed stays so.' })
  }
}

/** A worker that should make progress makes none, and new connections to the store did not help. */
export class StalledError extends MillraceError {
  declare readonly code: 'stalled'
  constructor(message: string) {
    super('stalled', message, {
      hint: 'Start the process again: `millrace worker` does so by itself. If it comes back, look at what the store says.',
    })
  }
}

/** A plugin threw (the `cause`), or did not keep to the rules: what it stood around has failed for that. */
export class PluginError extends MillraceError {
  declare readonly code: 'plugin'
  /** Its name. */
  readonly plugin: string
  constructor(plugin: string, what: string, details?: ErrorDetails) {
    super('plugin', `The plugin ${plugin} ${what}`, details)
    this.plugin = plugin
  }
}

/**
 * A Millrace server refused the caller: `unauthenticated`, it does not know the credential, or that is no longer valid;
 * `forbidden`, the credential has no role that may do this here. Nothing was written.
 */
export class AccessError extends MillraceError {
  declare readonly code: AccessErrorCode
  constructor(code: AccessErrorCode, message: string, details?: ErrorDetails) {
    super(code, message, details)
  }
}

/** Why a server refused a caller. */
export type AccessErrorCode = 'unauthenticated' | 'forbidden'

/** It is not known whether the store carried this out: its answer never came, however often it was asked. */
export class AmbiguousError extends MillraceError {
  declare readonly code: 'ambiguous'
  constructor(message: string, details?: ErrorDetails) {
    super('ambiguous', message, details)
  }
}

/** What is the matter with a store. */
export type StoreErrorCode = Extract<ErrorCode, `store-${string}`>

/** The store could not be opened, or could not carry out a request. */
export class StoreError extends MillraceError {
  declare readonly code: StoreErrorCode
  /**
   * Whether the request may have been carried out all the same. `none`: certainly not, and a repeat may
   * work. `unknown`: repeat it with the same ids. `final`: certainly not, and a repeat will not work.
   */
  readonly effect: 'none' | 'unknown' | 'final'
  constructor(
    code: StoreErrorCode,
    message: string,
    details: ErrorDetails & { readonly effect: StoreError['effect'] },
  ) {
    super(code, message, details)
    this.effect = details.effect
  }
}

const codes: ReadonlySet<unknown> = new Set(ERROR_CODES)

/** The `code` of anything that was thrown, if it is one of ours; also of an error of another copy of the library. */
export function codeOf(error: unknown): ErrorCode | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return codes.has(error.code) ? (error.code as ErrorCode) : undefined
}
