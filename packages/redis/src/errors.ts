/** What went wrong between this process and Redis, as errors of core's. */
import { StoreError, type StoreErrorCode } from '@millrace/core/store'

type Effect = StoreError['effect']

interface Known {
  readonly code: StoreErrorCode
  readonly what: string
  readonly hint: string
  readonly effect: Effect
}

/** The first word of an error reply. */
const REPLIES: Readonly<Record<string, Known>> = {
  OOM: {
    code: 'store-full',
    what: 'is out of memory',
    hint: 'Raise maxmemory, or shorten the retention of finished tasks; workers go on, and what they finish makes room.',
    effect: 'none',
  },
  READONLY: {
    code: 'store-readonly',
    what: 'is a read-only replica',
    hint: 'Give the address of the primary.',
    effect: 'none',
  },
  LOADING: {
    code: 'store-unavailable',
    what: 'is still loading its data',
    hint: 'It answers as soon as that is done.',
    effect: 'none',
  },
  BUSY: {
    code: 'store-busy',
    what: 'is held up by a script that runs for too long',
    hint: 'Look for scripts of other applications on the same server.',
    effect: 'none',
  },
  MISCONF: {
    code: 'store-unavailable',
    what: 'cannot write its data to disk and refuses to go on',
    hint: "Look at Redis' log, and at the space on its disk.",
    effect: 'none',
  },
  NOAUTH: {
    code: 'store-unavailable',
    what: 'asks for a password',
    hint: 'Put it into the URL: redis://:PASSWORD@HOST.',
    effect: 'final',
  },
  WRONGPASS: {
    code: 'store-unavailable',
    what: 'refuses the user or the password',
    hint: 'Look at the user and the password in the URL.',
    effect: 'final',
  },
  NOPERM: {
    code: 'store-unavailable',
    what: 'does not allow this user what the store has to do',
    hint: "Give the user the rights of the package's README.",
    effect: 'final',
  },
  NOREPLICAS: {
    code: 'store-unavailable',
    what: 'has too few replicas to accept a write',
    hint: 'Look at min-replicas-to-write, and at the replicas.',
    effect: 'none',
  },
  MOVED: {
    code: 'store-unavailable',
    what: 'is a node of a cluster, and another one has these keys',
    hint: 'Connect with a cluster client of your own: redis(createCluster(…)), from millrace/redis.',
    effect: 'final',
  },
  ASK: {
    code: 'store-unavailable',
    what: 'gives these keys to another node of its cluster at this moment',
    hint: 'It goes on as soon as that is done.',
    effect: 'none',
  },
  TRYAGAIN: {
    code: 'store-unavailable',
    what: 'gives these keys to another node of its cluster at this moment',
    hint: 'It goes on as soon as that is done.',
    effect: 'none',
  },
  MASTERDOWN: {
    code: 'store-unavailable',
    what: 'is a replica that has lost its primary',
    hint: 'Give the address of the primary.',
    effect: 'none',
  },
  CLUSTERDOWN: {
    code: 'store-unavailable',
    what: 'belongs to a cluster that is down',
    hint: 'It goes on as soon as the cluster does.',
    effect: 'none',
  },
}

/** Whether Redis answered this, and with which first word. */
export function replyWord(error: unknown): string | undefined {
  if (!(error instanceof Error) || !isReply(error)) return undefined
  return /^-?([A-Z]+)/.exec(error.message)?.[1] ?? 'ERR'
}

/** By its name: the drivers of users come in copies of their own. */
function isReply(error: Error): boolean {
  return ['ErrorReply', 'SimpleError', 'BlobError', 'ReplyError'].includes(error.constructor.name)
}

/** Whether it is told in words of our own. */
export function isKnown(word: string): boolean {
  return Object.hasOwn(REPLIES, word)
}

/** An error of a call that reached Redis, or not; `place` is shown. */
export function storeError(error: unknown, place: string): StoreError {
  if (error instanceof StoreError) return error
  const word = replyWord(error)
  const known = word === undefined ? undefined : REPLIES[word]
  if (known !== undefined) return knownError(known, place, error)
  if (word !== undefined) return scriptError(error as Error, place)
  return lost(place, error)
}

function knownError({ code, what, hint, effect }: Known, place: string, cause?: unknown): StoreError {
  return new StoreError(code, `The Redis at ${place} ${what}.`, { hint, effect, cause })
}

/** It says so when it is asked how it does: then what else it says of itself is not to be relied on. */
export function stillLoading(place: string): StoreError {
  return knownError(REPLIES['LOADING']!, place)
}

function scriptError(error: Error, place: string): StoreError {
  return new StoreError('store-unavailable', `The Redis at ${place} failed: ${error.message}.`, {
    hint: 'Look at the cause; a store that was changed by hand may have to be restored.',
    effect: 'unknown',
    cause: error,
  })
}

/** The connection was lost while the call was on its way. */
export function lost(place: string, cause: unknown): StoreError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new StoreError('store-unavailable', `The connection to Redis at ${place} was lost: ${why}.`, {
    hint: 'The store connects again by itself.',
    effect: 'unknown',
    cause,
  })
}

/** There is no connection at the moment: nothing was sent. */
export function offline(place: string, cause: unknown): StoreError {
  return new StoreError('store-unavailable', `There is no connection to Redis at ${place}.`, {
    hint: 'The store connects again by itself as soon as Redis answers.',
    effect: 'none',
    cause,
  })
}

/** It was refused at once, when the store was opened. */
export function refused(
  code: StoreErrorCode,
  message: string,
  more: { readonly hint: string; readonly cause?: unknown },
): StoreError {
  return new StoreError(code, message, { ...more, effect: 'final' })
}

/** Others make new names faster than this client can learn them; nothing was done. */
export function namesChange(place: string): StoreError {
  return new StoreError('store-busy', `The names in the store at ${place} change without end.`, {
    hint: 'Use fewer different queues, types and needs.',
    effect: 'none',
  })
}

export function notOpen(place: string): StoreError {
  return new StoreError('store-unavailable', `The store at ${place} is not open.`, {
    hint: 'Call open() first, and nothing after close().',
    effect: 'final',
  })
}

export function closedGuest(place: string): StoreError {
  return refused('store-unavailable', `There is no connection to Redis at ${place}: it is closed.`, {
    hint: 'Connect it before (await client.connect()), and close it after the store.',
  })
}
