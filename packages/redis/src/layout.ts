/** Where things stand in a record, and what its numbers and letters mean: see lua/records.ts. */
import type { FailReason, HistoryEvent, IfFailed, TaskState } from '@millrace/core/store'

/** Offsets of columns, in bytes from the beginning. */
export const AT = {
  state: 0,
  flags: 1,
  level: 3,
  seq: 4,
  enqueuedAt: 10,
  runAt: 16,
  queue: 22,
  route: 25,
  terms: 28,
  lane: 47,
  epoch: 55,
  body: 59,
  session: 67,
  claimedAt: 83,
  since: 94,
  end: 100,
  reason: 106,
  ownedBody: 111,
} as const

/** The same for the claim of a running task. */
export const RUN_AT = {
  epoch: 52,
  session: 64,
  claimedAt: 80,
  /** Where it is longer than a plain one. */
  told: 86,
  plainLength: 92,
} as const

export const FLAG = {
  held: 1,
  extra: 2,
  binary: 8,
  apart: 16,
  user: 32,
  owned: 256,
  empty: 512,
  open: 1_024,
  labels: 2_048,
} as const

/** A payload above this stands apart, so that what rewrites the record (a retry, a hold) does not rewrite it. */
export const APART_BYTES = 8_192

export const STATES: Readonly<Record<string, TaskState>> = {
  b: 'blocked',
  p: 'pending',
  r: 'running',
  w: 'waiting',
  s: 'succeeded',
  f: 'failed',
  c: 'cancelled',
}

export const STATE_LETTERS: Readonly<Record<TaskState, string>> = {
  blocked: 'b',
  pending: 'p',
  running: 'r',
  waiting: 'w',
  succeeded: 's',
  failed: 'f',
  cancelled: 'c',
}

export const REASONS: readonly (FailReason | null)[] = [
  null,
  'error',
  'timeout',
  'crashed',
  'expired',
  'invalid',
  'dependency',
]

export const IF_FAILED: Readonly<Record<IfFailed, string>> = {
  cancel: 'c',
  fail: 'f',
  run: 'r',
  trigger: 't',
}

export const IF_FAILED_OF: Readonly<Record<string, IfFailed>> = {
  c: 'cancel',
  f: 'fail',
  r: 'run',
  t: 'trigger',
}

export const EVENTS: Readonly<Record<string, HistoryEvent>> = {
  e: 'enqueued',
  u: 'unblocked',
  c: 'claimed',
  k: 'reclaimed',
  s: 'succeeded',
  f: 'failed',
  x: 'cancelled',
  r: 'retry',
  z: 'crashed',
  n: 'snoozed',
  b: 'returned',
  q: 'cancel-requested',
  h: 'held',
  l: 'released',
  d: 'edited',
  g: 'restarted',
}
