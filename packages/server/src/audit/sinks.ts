/** Where the entries of the audit go. */
import { InvalidArgumentError, type Logger } from '@millrace/core'
import type { Audit, AuditEntry } from './audit.ts'
import { AuditFile } from './audit-file.ts'

/**
 * The path of a file to which lines of JSON are added, or what takes each entry: nothing is done before it has taken the
 * first one of it.
 */
export type AuditOptions = string | ((entry: AuditEntry) => void | Promise<void>)

/** An audit that is closed at the end. */
export interface OpenAudit extends Audit {
  close(): Promise<void>
}

/**
 * Without a word entries go into the log, at `info`.
 *
 * @throws InvalidArgumentError if the file cannot be written
 */
export async function openAudit(to: AuditOptions | undefined, logger: Logger): Promise<OpenAudit> {
  if (typeof to === 'string') return AuditFile.open(to, logger)
  if (to !== undefined && typeof to !== 'function')
    throw new InvalidArgumentError('The audit is neither a path nor a function.', {
      hint: "Give audit: 'audit.jsonl', or a function that takes each entry.",
    })
  const note = to ?? ((entry) => logger.info({ audit: entry }, `audit: ${entry.call} (${entry.stage})`))
  return { note: async (entry) => note(entry), close: () => Promise.resolve() }
}
