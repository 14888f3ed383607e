/** What a crowd plays: which tasks its producers enqueue, and its workers handle. */
import type { EnqueueOptions, TaskDefinition } from 'millrace'
import { keyPlay } from './key-play.ts'
import { limitPlay } from './limit-play.ts'

/** What stands under a key; its handlers fail now and then. */
export type Keyed = TaskDefinition<
  string,
  { input: Under; received: Under; returned: unknown; result: unknown }
>

interface Under {
  readonly key: string
}

export interface Play {
  readonly tasks: readonly Keyed[]
  /** How long callers rest between two enqueues, at most. */
  readonly pauseMs: number
  /** What a caller enqueues next. */
  readonly draw: () => {
    readonly task: Keyed
    readonly input: { readonly key: string }
    readonly options: EnqueueOptions
  }
}

export const PLAYS = { keys: keyPlay, limits: limitPlay } as const satisfies Record<string, Play>

export type PlayName = keyof typeof PLAYS
