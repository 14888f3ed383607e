/** The audit: what operators did, and who they were. */

/** An action that changed what is in the store, or was refused. */
export interface AuditEntry {
  readonly at: Date
  /** The name of the caller's credential. */
  readonly caller: string
  /** The call, as in `tasks.cancel`. */
  readonly call: string
  /** What it was about, as plain data: ids, a filter, a queue. No inputs of tasks. */
  readonly target: unknown
  /** The code of the error that refused it; `null`: it was done. */
  readonly refused: string | null
  /** How many tasks matched and were changed, where that is known. */
  readonly matched?: number | undefined
  readonly changed?: number | undefined
}

/**
 * Where entries are kept. A call that is audited is answered when its entry is kept; where that fails its caller is told so,
 * although what was asked for is done.
 */
export interface Audit {
  note(entry: AuditEntry): Promise<void>
}
