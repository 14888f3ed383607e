/** What the processes of an outage tell each other. */

/** What a process is to do; its only argument, as JSON. */
export interface Part {
  readonly role: 'producer' | 'worker'
  readonly url: string
}

/** Times are of the wall clock, in milliseconds: all processes are on one machine. */
export type Told =
  | { readonly kind: 'ready' }
  /** Enqueued and acknowledged. */
  | { readonly kind: 'acknowledged'; readonly numbers: readonly number[]; readonly at: number }
  /** It was not enqueued, or that is not known. */
  | { readonly kind: 'refused'; readonly number: number; readonly known: 'not enqueued' | 'nothing' }
  /** So many handlers were called. */
  | { readonly kind: 'started'; readonly count: number; readonly at: number }
  /** Whose success the store took. */
  | { readonly kind: 'accepted'; readonly numbers: readonly number[]; readonly at: number }
  | { readonly kind: 'lost'; readonly number: number }
  | { readonly kind: 'trouble'; readonly error: string }
