/** Millrace with its defaults, and with a short lease. */
import { connect, type Mill } from 'millrace'
import { crashHandler, crashTask } from './handlers.ts'
import { CONCURRENCY, type Contender, type Fate, type Opened } from '../contender.ts'
import type { CrashTask } from '../task.ts'

const LEASE_MS = 15_000
const SHORT_LEASE_MS = 3_000
const PAGE = 1_000

const documentation = 'isolates.md'
const engines = ['sqlite', 'postgres', 'redis'] as const
const isolated =
  'a second crash makes a task suspect: it then runs alone in a child process, and fails after three crashes there (`isolates: { module }`)'

export const millraceContender: Contender = {
  name: 'millrace',
  package: 'millrace',
  engines,
  defaults: `a lease of 15 s, renewed every 5 s by a thread of its own; ${isolated}`,
  documentation,
  leaseMs: LEASE_MS,
  tellsAccepted: true,
  isTuned: false,
  open: (url) => open(url, LEASE_MS),
}

export const millraceShortContender: Contender = {
  name: 'millrace, lease 3 s',
  package: 'millrace',
  engines,
  defaults: "the same with `lease: '3s'`, which is not the default",
  documentation,
  leaseMs: SHORT_LEASE_MS,
  tellsAccepted: true,
  isTuned: true,
  open: (url) => open(url, SHORT_LEASE_MS),
}

/** What it logs is of no use to the rig, which reads the journal. */
const quiet = { debug: ignored, info: ignored, warn: ignored, error: console.error }

async function open(url: string, lease: number): Promise<Opened> {
  return new OpenedMill(await connect(url, { logger: quiet }), lease)
}

class OpenedMill implements Opened {
  readonly #mill: Mill
  readonly #lease: number

  constructor(mill: Mill, lease: number) {
    this.#mill = mill
    this.#lease = lease
  }

  async enqueue(tasks: readonly CrashTask[]): Promise<void> {
    const drafts = tasks.map((task) => crashTask.with(task, { metadata: { n: String(task.n) } }))
    await this.#mill.enqueueMany(drafts, { atomic: true })
  }

  async work(accepted: (n: number) => void): Promise<void> {
    const worker = this.#mill.worker({
      handlers: crashHandler,
      concurrency: CONCURRENCY,
      lease: this.#lease,
      isolates: { module: new URL('./handlers.ts', import.meta.url) },
    })
    worker.on('succeeded', ({ task }) => accepted(Number(task.metadata['n'])))
    await worker.start()
  }

  async ended(): Promise<ReadonlyMap<number, Fate>> {
    const ended = new Map<number, Fate>()
    for (const state of ['succeeded', 'failed'] as const) {
      let cursor: string | undefined
      do {
        const { tasks, next } = await this.#mill.tasks.list({ state, limit: PAGE, cursor })
        for (const { metadata } of tasks) ended.set(Number(metadata['n']), state)
        cursor = next
      } while (cursor !== undefined)
    }
    return ended
  }

  close(): Promise<void> {
    return this.#mill.close()
  }
}

function ignored(): void {}
