/** What the processes of a crowd are told, and what they tell. */

import type { PlayName } from './play.ts'

/** What a process is to do; its only argument, as JSON. */
export interface Part {
  readonly role: 'producer' | 'worker'
  readonly play: PlayName
  readonly url: string
  /** How many callers a producer has. */
  readonly callers: number
}

/** Times are of the wall clock, in milliseconds: all processes, and the servers, are on one machine. */
export type Told =
  | { readonly kind: 'ready' }
  /** The store has answered that these are new, and holds them. */
  | { readonly kind: 'acknowledged'; readonly ids: readonly string[]; readonly at: number }
  /** Handlers were called. */
  | { readonly kind: 'started'; readonly ids: readonly string[]; readonly at: number }
  /** How often an answer came. */
  | { readonly kind: 'answers'; readonly counts: Readonly<Record<string, number>> }
