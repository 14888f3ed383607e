/** What is enqueued, and what is written beside it. */
import { defineTask, unchecked } from 'millrace'

/** An order that was written down: its task has the same id. */
export const order = defineTask('order', {
  input: unchecked<{ readonly id: string }>(),
  output: unchecked<string>(),
  retry: { attempts: 1_000, backoff: 'fixed', base: '5ms' },
})

/** Rows of the user's: each committed order once, and each order that a handler has shipped once. */
export const TABLES = 'CREATE TABLE orders(id TEXT NOT NULL); CREATE TABLE shipped(id TEXT NOT NULL)'

export type Engine = 'postgres' | 'sqlite'

/** What a process is told: where the store is, and what to do. */
export interface Job {
  readonly role: 'produce' | 'work'
  readonly engine: Engine
  /** The URL of the database, or the path of the file. */
  readonly place: string
}

/** What it says: so many transactions more have ended, one way or the other. */
export interface Progress {
  readonly ended: number
}
