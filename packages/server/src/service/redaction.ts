/** What readers get to see of what users put into tasks. */

/** What is shown, and to whom. */
export interface ShownPlace {
  /** `key`: a unique, partition or limit key; `reason`: why something was cancelled or paused. */
  readonly what:
    | 'input'
    | 'result'
    | 'checkpoint'
    | 'error'
    | 'log'
    | 'progress'
    | 'metadata'
    | 'headers'
    | 'tags'
    | 'key'
    | 'reason'
  /** Of the task; empty for what is not of one type. */
  readonly type: string
  /** Of the task; empty for what is in no queue, or in several. */
  readonly queue: string
  /** The name of the caller's credential. */
  readonly caller: string
}

/** Answers what is shown in the place of a value: the value itself, part of it, or nothing. */
export type Redact = (value: unknown, place: ShownPlace) => unknown

/** Shows everything: known by itself, so that nobody is asked what is hidden where nothing is. */
export const AS_IT_IS: Redact = (value) => value
