/** What the user may say about a SQLite store. */
import { checkMembers, InvalidArgumentError, type Members } from '@millrace/core'

/** Which file the store is in, and how it is opened. */
export interface SqliteStoreOptions {
  /** The file. It is created if its folder exists; two files beside it belong to it. */
  readonly path: string
  /** Homes within one file are not there yet. */
  readonly namespace?: string | undefined
  /** Whether a new file gets its tables, and an older schema is brought up to date. Default true. */
  readonly migrate?: boolean | undefined
}

const SQLITE_MEMBERS: Members<SqliteStoreOptions> = { path: true, namespace: true, migrate: true }

/** @throws InvalidArgumentError */
export function checkOptions(options: SqliteStoreOptions): void {
  checkMembers(options, SQLITE_MEMBERS, 'the SQLite store')
  const { path, namespace } = options
  checkPath(path)
  if (namespace === undefined || namespace === 'default') return
  throw new InvalidArgumentError(
    `The SQLite store has no namespaces yet, and ${JSON.stringify(namespace)} was asked for.`,
    { hint: 'Use one file per namespace.' },
  )
}

function checkPath(path: string): void {
  if (typeof path !== 'string' || path === '') {
    throw new InvalidArgumentError('The SQLite store needs the path of a file.', {
      hint: "Give one, as in { path: 'millrace.db' }.",
    })
  }
  if (path === ':memory:' || path.startsWith('file:')) {
    throw new InvalidArgumentError(
      `The path of the SQLite store is ${JSON.stringify(path)}, which is no file.`,
      {
        hint: 'Use memory: for a store that lives and dies with the process.',
      },
    )
  }
}
