/** The audit: what operators did, and who they were. */

/**
 * Of an action that changes what is in the store: that it begins, and what came of it. One that was refused before it began
 * has only the second. Where the second is missing, what came of it is not known.
 */
export interface AuditEntry {
  readonly at: Date
  /** The same in both entries of an action. */
  readonly id: string
  /** `begun`: it is about to be done; `ended`: it was done, or refused. */
  readonly stage: 'begun' | 'ended'
  /** The name of the caller's credential. */
  readonly caller: string
  /** The call, as in `tasks.cancel`. */
  readonly call: string
  /** What it is about, as plain data: ids, a filter, a queue. No inputs of tasks. */
  readonly target: unknown
  /** The code of the error that refused it; `null`: it was done, or has only begun. */
  readonly refused: string | null
  /** How many tasks matched and were changed, where that is known. */
  readonly matched?: number | undefined
  readonly changed?: number | undefined
}

/** Where entries are kept. Nothing that is audited is done before its first entry is kept. */
export interface Audit {
  note(entry: AuditEntry): Promise<void>
}
