/**
 * Whether a worker that should make progress makes any, and what is done about it. Progress is an answer to a claim,
 * with tasks or without: what the store does not give (a queue is paused, a limit is full, it is another's turn) is its
 * decision, and starting anew would not change it.
 */

/** Without an answer for so long, while work is due: a worker with room asks every two seconds. */
export const SILENCE_MS = 60_000

export interface Progress {
  /** For how long no claim was answered, although one should have been asked for. */
  readonly silentMs: number
  /** For how long work has been due that this worker could take; `null`: there is none, or nobody knows. */
  readonly dueForMs: number | null
  /** How long ago the connections were made anew for this reason, in this silence; `null`: they were not. */
  readonly renewedAgoMs: number | null
}

/** `renew`: make the connections to the store anew. `stalled`: that did not help. */
export type ProgressVerdict = 'fine' | 'renew' | 'stalled'

export function judgeProgress({ silentMs, dueForMs, renewedAgoMs }: Progress): ProgressVerdict {
  if (silentMs < SILENCE_MS || dueForMs === null || dueForMs < SILENCE_MS) return 'fine'
  if (renewedAgoMs === null) return 'renew'
  return renewedAgoMs >= SILENCE_MS ? 'stalled' : 'fine'
}
