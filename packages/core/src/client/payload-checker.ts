/** `mill.check`: whether what is queued still fits the definitions that would run it. */
import { codeOf, type ErrorCode } from '../task/errors.ts'
import { shapeOf } from '../task/fed-input.ts'
import { validate } from '../task/schema.ts'
import { FIRST_VERSION } from '../task/versions.ts'
import { currentInput } from '../worker/input.ts'
import { schemaChanges, type SchemaChange } from '../worker/fingerprints.ts'
import type { AnyHandler } from '../task/handler.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Connection } from './connection.ts'
import type { ListAnswer, ListRequest } from '../store/inspection.ts'
import type { TaskId, TaskRecord, TaskState } from '../store/records.ts'

/** Whole tasks are read so many at a time: each may have a megabyte of payload. */
const WHOLE_TASKS = 20
const PAGE_TASKS = 1_000
/** So many are told of one by one. */
const MISFITS_MAX = 1_000

const QUEUED: readonly TaskState[] = ['blocked', 'pending', 'running', 'waiting']

/** A task whose input the definition cannot take. */
export interface Misfitting {
  readonly id: TaskId
  readonly type: string
  readonly queue: string
  readonly state: TaskState
  /** Of the input, as it is kept. */
  readonly version: number
  readonly code: ErrorCode
  readonly message: string
}

/** What `mill.check` found among the inputs of one task that wait in the store. */
export interface PayloadCheck {
  /** How many tasks were looked at. */
  readonly tasks: number
  /** How many of them have no input yet: it is made of results of others. */
  readonly later: number
  /** How many do not fit. */
  readonly failing: number
  /** The first 1 000 of them. */
  readonly misfits: readonly Misfitting[]
  /** Schemas that changed while their versions did not. */
  readonly changed: readonly SchemaChange[]
}

export class PayloadChecker {
  readonly #connection: Connection
  readonly #misfits: Misfitting[] = []
  #tasks = 0
  #later = 0
  #failing = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** @throws StoreError */
  async check(handlers: Iterable<AnyHandler>): Promise<PayloadCheck> {
    const tasks = Array.from(handlers, ({ task }) => task)
    const published = await this.#connection.read((store) => store.definitions())
    for (const task of tasks) await this.#checkType(task)
    return {
      tasks: this.#tasks,
      later: this.#later,
      failing: this.#failing,
      misfits: this.#misfits,
      changed: schemaChanges(tasks, published),
    }
  }

  async #checkType(task: AnyTask): Promise<void> {
    let cursor: string | null = null
    do {
      const request: ListRequest = {
        filter: { type: task.name, states: QUEUED },
        limit: PAGE_TASKS,
        cursor,
      }
      const page: ListAnswer = await this.#connection.read((store) => store.list(request))
      cursor = page.next
      for (let from = 0; from < page.tasks.length; from += WHOLE_TASKS) {
        const ids = page.tasks.slice(from, from + WHOLE_TASKS).map(({ id }) => id)
        const records = await this.#connection.read((store) => store.get(ids))
        for (const record of records) if (record !== null) await this.#checkRecord(task, record)
      }
    } while (cursor !== null)
  }

  async #checkRecord(task: AnyTask, record: TaskRecord): Promise<void> {
    const { payload } = record
    if (payload === null) return // it has succeeded meanwhile
    this.#tasks += 1
    if (shapeOf(payload) !== null) {
      this.#later += 1
      return
    }
    try {
      const input = currentInput(task, { ...record, payload })
      await validate(task.input, input, `The input of ${task.name}`)
    } catch (error) {
      const code = codeOf(error)
      if (code === undefined) throw error
      this.#failing += 1
      if (this.#misfits.length === MISFITS_MAX) return
      const { id, type, queue, state, policy } = record
      const version = policy.version ?? FIRST_VERSION
      this.#misfits.push({ id, type, queue, state, version, code, message: (error as Error).message })
    }
  }
}
