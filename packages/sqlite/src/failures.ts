/**
 * What went wrong, in the words of the port. The thread has no need of core, and does not load it: its errors
 * become core's on the main thread.
 */
import type { ErrorCode, StoreError } from '@millrace/core'
import type { Failure } from './wire.ts'

interface Details {
  readonly hint?: string
  readonly cause?: unknown
  /** `final` unless told otherwise. */
  readonly effect?: StoreError['effect']
}

/** An error that says what there is to know about it. */
export class Refusal extends Error {
  readonly code: ErrorCode
  readonly hint: string | undefined
  readonly effect: StoreError['effect']

  constructor(code: ErrorCode, message: string, { hint, cause, effect = 'final' }: Details) {
    super(message, { cause })
    this.code = code
    this.hint = hint
    this.effect = effect
  }
}

/** SQLite's primary result codes that mean something to a user. */
const RESULT = {
  BUSY: 5,
  LOCKED: 6,
  NOMEM: 7,
  READONLY: 8,
  IOERR: 10,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  NOTADB: 26,
} as const

/** SQLite's primary result code, if this is an error of SQLite's. */
function resultOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  if ('errcode' in error && typeof error.errcode === 'number') return error.errcode & 0xff
  // a user's better-sqlite3 says it in words
  const [, name] = 'code' in error ? (/^SQLITE_([A-Z]+)/.exec(String(error.code)) ?? []) : []
  return name === undefined ? undefined : (RESULT[name as keyof typeof RESULT] ?? 1)
}

/** Whether somebody else has the lock: nothing was done, and trying again will work. */
export function isBusy(error: unknown): boolean {
  const result = resultOf(error)
  return result === RESULT.BUSY || result === RESULT.LOCKED
}

/**
 * An error of SQLite's as the port has it; any other as it is.
 *
 * @param effect whether the request may have been carried out all the same
 */
export function storeError(error: unknown, path: string, effect: 'none' | 'unknown'): unknown {
  switch (resultOf(error)) {
    case undefined:
      return error
    case RESULT.BUSY:
    case RESULT.LOCKED:
      return busyError(path, error)
    case RESULT.READONLY:
      return readOnlyError(path, error)
    case RESULT.FULL:
      return new Refusal('store-full', `There is no space left for ${path}.`, {
        hint: 'Free some space, or shorten the retention of finished tasks; workers go on by themselves then.',
        cause: error,
        effect: 'none',
      })
    case RESULT.CORRUPT:
    case RESULT.NOTADB:
      return new Refusal('store-corrupt', `The file ${path} is damaged, or no SQLite database.`, {
        hint: 'Restore it from a backup, or give the path of a new file.',
        cause: error,
      })
    case RESULT.CANTOPEN:
      return new Refusal('store-unavailable', `The file ${path} cannot be opened.`, {
        hint: 'Its folder must exist, and this user must be allowed to write in it.',
        cause: error,
      })
    case RESULT.IOERR:
    case RESULT.NOMEM:
      return new Refusal('store-unavailable', `The file ${path} could not be read or written.`, {
        hint: "Look at the cause, and at the system's log for errors of the disk.",
        cause: error,
        effect,
      })
    default:
      return new Refusal('store-unavailable', `SQLite failed on ${path}: ${messageOf(error)}.`, {
        cause: error,
        effect,
      })
  }
}

export function busyError(path: string, cause?: unknown): Refusal {
  return new Refusal('store-busy', `Another process has kept ${path} locked for too long.`, {
    hint: 'Look for a process that holds a transaction open on the file, as a database browser does.',
    cause,
    effect: 'none',
  })
}

export function readOnlyError(path: string, cause?: unknown): Refusal {
  return new Refusal('store-readonly', `The file ${path} cannot be written.`, {
    hint: 'This user must be allowed to write the file and its folder, and the disk must not be read-only.',
    cause,
  })
}

/**
 * Whether it has to do with the file or its lock, and not with what was asked for. A full disk has to do with
 * both: there may be room for something smaller.
 */
export function isOfTheFile(error: unknown): boolean {
  return error instanceof Refusal && error.code.startsWith('store-') && error.code !== 'store-full'
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** An error as it crosses to the main thread. */
export function failureOf(error: unknown): Failure {
  const ours = error instanceof Refusal ? error : undefined
  return {
    message: messageOf(error),
    code: ours?.code ?? null,
    effect: ours?.effect ?? 'none',
    hint: ours?.hint,
    cause: ours?.cause === undefined ? undefined : messageOf(ours.cause),
  }
}
