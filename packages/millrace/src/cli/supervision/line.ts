/** What a supervisor and its worker processes tell each other. Both ends of the channel that Node gives to a child. */

/** From the supervisor: stop and let running handlers end, or do not wait for them. */
export type Order = 'stop' | 'hurry'

/** From a worker process: it claims tasks; it has stopped, and whatever code it ends with, it was to end. */
export type Report = 'ready' | 'stopped'

/** From a worker process of `millrace dev`: it has loaded a file of the project. */
export interface Loaded {
  readonly loaded: string
}

/** A module of handlers may have messages of its own: ours are the ones with this member. */
interface Message<T> {
  readonly millrace: T
}

export function messageOf<T extends Order | Report | Loaded>(text: T): Message<T> {
  return { millrace: text }
}

export function textOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'millrace' in message
    ? message.millrace
    : undefined
}
