/** What the file of a store says, read by a connection of our own: none of Millrace's code is asked. */
import { existsSync } from 'node:fs'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

// The columns and numbers are those of packages/sqlite/src/statements/schema.ts, codes.ts and history.ts.
const PROGRESS = `
  SELECT (SELECT count(*) FROM tasks) AS written, (SELECT count(*) FROM tasks WHERE state >= 4) AS ended`
const RUNS = `SELECT count(*) AS count FROM tasks JOIN routes ON routes.key = route WHERE type = 'catalogue.run'`
const RUNNING = 'SELECT count(*) AS count FROM running'
const TASKS = `
  SELECT type, state, history, coalesce(
    result, (SELECT data FROM payloads WHERE payloads.key = 4 * seq + 1),
    payload, (SELECT data FROM payloads WHERE payloads.key = 4 * seq)
  ) AS data
  FROM tasks JOIN routes ON routes.key = route ORDER BY seq`

/** The letters of the events that are outcomes, by the state that they lead to. */
const OUTCOMES: ReadonlyMap<number, string> = new Map([
  [4, 's'],
  [5, 'f'],
  [6, 'x'],
])
const FILE = 'catalogue.file'

/** Results of SQLite that pass: there is no table yet, others have the lock or bring the file up. */
const PASSING: ReadonlySet<number> = new Set([1, 5, 8, 14])

/** How far a run has come: each of its tasks is written, and ends. */
export interface Progress {
  readonly written: number
  readonly ended: number
}

/** What a finished store contains. */
export interface Contents {
  /** Tasks that have ended. */
  readonly tasks: number
  /** Each file with how its task ended, sorted. */
  readonly files: readonly string[]
  /** What should not be, in words. */
  readonly problems: readonly string[]
}

interface TaskRow {
  readonly type: string
  readonly state: number
  readonly history: string
  readonly data: string
}

export class Witness implements Disposable {
  readonly #file: string
  #database: DatabaseSync | undefined
  #progress: StatementSync | undefined

  constructor(file: string) {
    this.#file = file
  }

  /** `undefined` when it cannot be said just now. */
  progress(): Progress | undefined {
    if (!existsSync(this.#file)) return undefined
    try {
      this.#progress ??= this.#open().prepare(PROGRESS)
      return this.#progress.get() as unknown as Progress
    } catch (error) {
      if (PASSING.has((error as { readonly errcode?: number }).errcode! & 0xff)) return undefined
      throw error
    }
  }

  /** Whether the demo has finished: it removes the task that stands for its run when all else is done. */
  finished(): boolean {
    return (this.progress()?.ended ?? 0) > 0 && countOf(this.#open().prepare(RUNS)) === 0
  }

  /** Looks at all of a store that nobody works on any more. */
  contents(): Contents {
    const database = this.#open()
    const problems: string[] = []
    const [integrity] = database.prepare('PRAGMA integrity_check').all()
    if (integrity?.['integrity_check'] !== 'ok')
      problems.push(`the file is damaged: ${JSON.stringify(integrity)}`)
    const running = countOf(database.prepare(RUNNING))
    if (running > 0) problems.push(`${running} tasks are still in somebody's hands`)
    const rows = database.prepare(TASKS).all() as unknown as TaskRow[]
    for (const row of rows) problems.push(...problemsOf(row))
    const files = rows.filter(({ type }) => type === FILE).map((row) => ({ name: nameOf(row), row }))
    const times = Map.groupBy(files, ({ name }) => name)
    for (const [name, { length }] of times)
      if (length > 1) problems.push(`${length} tasks for the file ${name}`)
    const ended = files.map(({ name, row }) => `${name} ${OUTCOMES.get(row.state) ?? 'open'}`)
    return { tasks: rows.length, files: ended.toSorted(), problems }
  }

  [Symbol.dispose](): void {
    this.#database?.close()
    this.#database = undefined
    this.#progress = undefined
  }

  #open(): DatabaseSync {
    this.#database ??= new DatabaseSync(this.#file, { readOnly: true })
    return this.#database
  }
}

/** A task has one accepted outcome, it is the last thing that happened to it, and its state says the same. */
function problemsOf({ type, state, history, data }: TaskRow): readonly string[] {
  const letters = history.split('\n').map((line) => line.charAt(0))
  const events = letters.filter((letter) => letter !== '')
  const outcomes = events.filter((letter) => 'sfx'.includes(letter))
  const expected = OUTCOMES.get(state)
  if (expected !== undefined && outcomes.length === 1 && events.at(-1) === expected) return []
  return [`a ${type} in state ${state} has the history ${events.join('')}: ${data.slice(0, 200)}`]
}

function nameOf({ data }: TaskRow): string {
  return JSON.stringify((JSON.parse(data) as { readonly name: unknown }).name)
}

function countOf(statement: StatementSync): number {
  return Number(statement.get()?.['count'])
}
