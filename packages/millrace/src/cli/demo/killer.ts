/** Kills one worker with -9 when half of the files are done, and remembers what it had in hand. */
import type { Mill } from '@millrace/core'
import type { Census } from './census.ts'
import type { Crew } from './crew.ts'
import type { Totals } from './display.ts'

/** Where a worker is killed even if none has a task in hand just then. */
const LATEST = 0.9

export interface Victim {
  readonly pid: number
  /** How much was done by then, from 0 to 1. */
  readonly share: number
  readonly killedAt: number
  /** The tasks that ran under its lease. */
  readonly held: readonly string[]
}

export interface KillerParts {
  readonly mill: Mill
  readonly crew: Crew
  readonly census: Census
  readonly totals: Totals
}

export class Killer {
  victim: Victim | undefined
  readonly #parts: KillerParts
  /** Half of what was to be done at the beginning: a run that goes on has some behind it. */
  readonly #threshold: number

  constructor(parts: KillerParts) {
    this.#parts = parts
    this.#threshold = Math.max(0.5, (1 + this.#share()) / 2)
  }

  async consider(): Promise<void> {
    const share = this.#share()
    if (this.victim !== undefined || share < this.#threshold || share >= 1) return
    const { mill, crew, census } = this.#parts
    if (crew.pids.length < 2) return
    const sessions = (await mill.workers.list()).filter(({ pid }) => crew.pids.includes(pid))
    const running = await census.running()
    const held = (session: string): number => running.get(session)?.length ?? 0
    const [busiest] = sessions.toSorted((a, b) => held(b.session) - held(a.session))
    if (busiest === undefined || (held(busiest.session) === 0 && share < LATEST)) return
    await crew.kill(busiest.pid)
    const killedAt = Date.now()
    // A dead process writes nothing: what runs under its lease now is what it leaves behind.
    const left = await census.running()
    this.victim = { pid: busiest.pid, share, killedAt, held: left.get(busiest.session) ?? [] }
  }

  #share(): number {
    const { census, totals } = this.#parts
    return totals.files === 0 ? 1 : census.counts.files / totals.files
  }
}
