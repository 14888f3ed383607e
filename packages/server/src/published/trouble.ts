/** Why a task cannot be made by its name alone. */
import { MillraceError } from '@millrace/core'

/** What is the matter, as data: who has a face of their own says by it what their users can do. */
export type Trouble =
  /** Nobody ever published a task of that name. */
  | { readonly kind: 'unknown'; readonly near: readonly string[]; readonly known: readonly string[] }
  /** What a worker has published of it is nothing that can be read. */
  | { readonly kind: 'unreadable' }
  /** Its inputs are encrypted. */
  | { readonly kind: 'sealed' }
  /** A key is given for a limit that it does not count under, or that has no keys. */
  | { readonly kind: 'no-such-limit'; readonly limits: readonly string[] }
  /** Keys are missing that functions of its code would make. */
  | { readonly kind: 'missing-keys'; readonly missing: readonly MissingKey[] }
  /** Its inputs are of another version; `task` is `null` where any tasks of it are meant. */
  | { readonly kind: 'version'; readonly task: string | null; readonly version: number }

/** A key that is missing: whose, and of which limit. */
export type MissingKey =
  | { readonly of: 'unique' | 'partition' }
  | { readonly of: 'limit'; readonly name: string }

/** A task that cannot be made, or changed, by the name of its definition. Nothing was written. */
export class DefinitionError extends MillraceError {
  declare readonly code: 'unknown-task' | 'invalid-argument'
  readonly trouble: Trouble
  constructor(trouble: Trouble, message: string, hint: string) {
    super(trouble.kind === 'unknown' ? 'unknown-task' : 'invalid-argument', message, { hint })
    this.trouble = trouble
  }
}
