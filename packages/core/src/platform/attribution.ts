/**
 * In whose name something happens, and so whose a stray error is: also `uncaughtException` and `unhandledRejection` know,
 * so that whoever caused it, however late, can be told.
 */
import { scoped } from './scoped.ts'

/** Who answers for what happens in its name. */
export interface Owner {
  stray(error: unknown): void
  /** What its handler was given; `undefined` if it is no run of a single task, or has not begun. */
  readonly context?: unknown
}

export type ExitCode = number | string | null | undefined

const owners = scoped<Owner>()
let holders = 0

/** In whose name this very call is made, if in anybody's. */
export function currentOwner(): Owner | undefined {
  return owners.current
}

/** Calls `work` in the name of `owner`, and so does whatever comes of it later. */
export function inTheNameOf<T, Given extends readonly unknown[]>(
  owner: Owner,
  work: (...given: Given) => T,
  ...given: Given
): T {
  return owners.run(owner, work, ...given)
}

/** Calls `work` in nobody's name: what is told to many is no doing of whoever happens to cause it. */
export function inNobodysName(work: () => void): void {
  if (owners.current === undefined) work()
  else owners.leave(work)
}

/**
 * Until disposed of, errors that nobody caught go to their owners, and the process goes on. What has no owner ends the
 * process, as it would without this.
 *
 * @param exitError makes what is thrown instead when an owner calls `process.exit`; without it the process ends
 */
export function attribute(exitError?: (code: ExitCode) => Error): Disposable {
  holders += 1
  if (holders === 1) {
    process.on('uncaughtException', onException)
    process.on('unhandledRejection', onRejection)
  }
  const letExit = exitError === undefined ? undefined : guardExit(exitError)
  let held = true
  return {
    [Symbol.dispose]() {
      if (!held) return
      held = false
      letExit?.()
      holders -= 1
      if (holders === 0) stopListening()
    },
  }
}

function guardExit(errorOf: (code: ExitCode) => Error): () => void {
  const unguarded = process.exit.bind(process)
  const { exit } = process as { readonly exit: unknown }
  const guarded = (code?: ExitCode): never => {
    const owner = owners.current
    if (owner === undefined) return unguarded(code)
    const error = errorOf(code)
    tell(owner, error)
    throw error
  }
  process.exit = guarded
  return () => {
    if (process.exit === guarded) process.exit = exit as typeof process.exit
  }
}

/** What the owner then does is not done in its own name. */
function tell(owner: Owner, error: unknown): void {
  owners.leave(() => owner.stray(error))
}

function stopListening(): void {
  process.off('uncaughtException', onException)
  process.off('unhandledRejection', onRejection)
}

function onException(error: unknown): void {
  heed(error, 'uncaughtException')
}

function onRejection(reason: unknown): void {
  heed(reason, 'unhandledRejection')
}

function heed(error: unknown, event: 'uncaughtException' | 'unhandledRejection'): void {
  const owner = owners.current
  if (owner !== undefined) return tell(owner, error)
  if (process.listenerCount(event) > 1) return // somebody else decides
  stopListening()
  holders = 0
  process.nextTick(() => {
    throw error
  })
}
