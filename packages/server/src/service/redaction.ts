/** What readers get to see of what users put into tasks. */

/** What is shown, and to whom. */
export interface ShownPlace {
  readonly what: 'input' | 'result' | 'checkpoint' | 'error' | 'log' | 'metadata' | 'headers'
  readonly type: string
  readonly queue: string
  /** The name of the caller's credential. */
  readonly caller: string
}

/** Answers what is shown in the place of a value: the value itself, part of it, or nothing. */
export type Redact = (value: unknown, place: ShownPlace) => unknown
