/** What a worker offers to whoever has made it in the name of one that runs elsewhere, in any language. */
export interface Elsewhere {
  /** Resolves when the worker has stopped, whoever wanted that. */
  readonly stopped: Promise<void>
  /** Stops it as if its process had died: what runs is not returned, and is taken over as after a crash. */
  abandon(): Promise<void>
}
