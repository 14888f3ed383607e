/** What went wrong, in the words of the port. */
import { StoreError, type StoreErrorCode } from '@millrace/core/store'

/** Codes of Postgres that steps are chosen by. */
export const SQLSTATE = {
  serialization: '40001',
  deadlock: '40P01',
  unique: '23505',
  lockTimeout: '55P03',
  statementTimeout: '57014',
} as const

/** The code of an error: of Postgres (five characters), or of the system (`ECONNREFUSED`). */
export function codeOfError(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** The code of Postgres behind an error, be it the driver's or one of ours. */
export function sqlstateOf(error: unknown): string | undefined {
  return codeOfError(error instanceof StoreError ? error.cause : error)
}

/** Whether the server answered that it did not do it; anything else leaves open what became of it. */
export function isRefusedByServer(error: unknown): boolean {
  const code = codeOfError(error)
  if (code === undefined || !/^[0-9A-Z]{5}$/.test(code)) return false
  // 57P0x: the server ends the connection; 08xxx: the connection is at fault
  return !code.startsWith('57P') && !code.startsWith('08')
}

/**
 * Whether a connection is as good as before. One that has lost a prepared statement (`DISCARD ALL` between two
 * users, a pooler) or whose plan has another result now would refuse it for ever.
 */
export function isConnectionFit(error: unknown): boolean {
  const code = codeOfError(error)
  return isRefusedByServer(error) && code !== '26000' && code !== '0A000'
}

interface Kind {
  readonly codes: RegExp
  readonly code: StoreErrorCode
  readonly says: string
  readonly hint: string
  /** Whether trying again cannot help. */
  readonly final?: true
}

const KINDS: readonly Kind[] = [
  {
    codes: /^28/,
    code: 'store-unavailable',
    says: 'Postgres does not let this user in',
    hint: 'Look at the user and the password in the URL, and at pg_hba.conf.',
    final: true,
  },
  {
    codes: /^3D000$/,
    code: 'store-unavailable',
    says: 'there is no such database',
    hint: 'Create it with createdb, or give the name of another one in the URL.',
    final: true,
  },
  {
    codes: /^(42501)$/,
    code: 'store-readonly',
    says: 'this user is not allowed to do that',
    hint: 'Let a user who may create tables open the store once, and grant this one the rights to use them.',
    final: true,
  },
  {
    codes: /^25006$/,
    code: 'store-readonly',
    says: 'Postgres takes no writes here',
    hint: 'Give the URL of the primary: this is a standby, or its transactions are read-only by default.',
  },
  {
    codes: /^(42P01|42883|42703|3F000)$/,
    code: 'store-schema',
    says: 'tables of Millrace are missing',
    hint: 'Open the store again with `migrate: true`; somebody may have dropped its schema.',
    final: true,
  },
  {
    codes: /^(26000|42P05)$/,
    code: 'store-unavailable',
    says: 'a prepared statement is not where it was',
    hint: 'Pass `prepare: false` if a pooler is in between.',
  },
  {
    codes: /^53(100|200)$/,
    code: 'store-full',
    says: 'Postgres has no space left',
    hint: 'Free some space, or shorten the retention of finished tasks; workers go on by themselves then.',
  },
  {
    codes: /^53300$/,
    code: 'store-unavailable',
    says: 'Postgres has no connection left',
    hint: 'Raise max_connections, give this client fewer, or put a pooler in between.',
  },
  {
    codes: /^XX00[12]$/,
    code: 'store-corrupt',
    says: 'Postgres found its data damaged',
    hint: "Look at the server's log, and restore from a backup.",
    final: true,
  },
  {
    codes: /^(55P03|57014|40001|40P01)$/,
    code: 'store-busy',
    says: 'somebody has kept a lock for too long',
    hint: 'Look for long transactions in pg_stat_activity.',
  },
]

const UNREACHABLE =
  'See that the server runs, that its host and port are right, and that no firewall is in between.'

/**
 * An error of the driver's as the port has it; one of ours as it is.
 *
 * @param effect of a request whose answer did not come
 */
export function storeError(error: unknown, effect: 'none' | 'unknown'): StoreError {
  if (error instanceof StoreError) return error
  const code = codeOfError(error)
  const kind = code === undefined ? undefined : KINDS.find(({ codes }) => codes.test(code))
  const refused = isRefusedByServer(error)
  if (kind !== undefined) {
    const of = kind.final === true ? 'final' : refused ? 'none' : effect
    return new StoreError(kind.code, `Postgres: ${kind.says} (${messageOf(error)}).`, {
      hint: kind.hint,
      cause: error,
      effect: of,
    })
  }
  const message = refused ? 'Postgres refused a statement' : 'Postgres cannot be reached'
  return new StoreError('store-unavailable', `${message}: ${messageOf(error)}.`, {
    hint: refused ? "Look at the cause, and at the server's log." : UNREACHABLE,
    cause: error,
    effect: refused ? 'none' : effect,
  })
}

/**
 * What comes behind something that was done already: if it fails, it cannot be said that there was no effect.
 *
 * @throws StoreError
 */
export async function behindEffect<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    const { code, message, hint, cause } = error
    throw new StoreError(code, message, { hint, cause, effect: 'unknown' })
  }
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  const text = error instanceof Error ? error.message : String(error)
  return text === '' ? (codeOfError(error) ?? 'no reason given') : text.replace(/\.$/, '')
}

export function notOpen(): StoreError {
  return new StoreError('store-unavailable', 'The Postgres store is not open.', {
    hint: 'Call open() first, and nothing after close().',
    effect: 'final',
  })
}

/** Something that cannot be worked with: trying again does not help. */
export function refusal(code: StoreError['code'], message: string, hint: string): StoreError {
  return new StoreError(code, message, { hint, effect: 'final' })
}
