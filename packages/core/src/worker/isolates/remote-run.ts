/** A run as it is in an isolate: what is to be written about it goes to the worker. */
import { systemPlatform } from '../../platform/system.ts'
import {
  LOG_ENTRIES_MAX,
  type Claim,
  type LogEntry,
  type Payload,
  type Progress,
} from '../../store/records.ts'
import { FencedError } from '../../task/errors.ts'
import type { Timer } from '../../platform/platform.ts'
import { Run } from '../run.ts'

export interface RemoteWriting {
  notes(progress: Progress | null, entries: readonly LogEntry[]): void
  checkpoint(payload: Payload): Promise<undefined>
}

/** Notes go at once, but not more often than that: a loop that reports each step would flood its worker. */
const NOTES_EVERY_MS = 50

export class RemoteRun extends Run {
  /** Whether the worker has been told how it ended. */
  over = false
  readonly #write: RemoteWriting
  #latest: Progress | null = null
  #entries: readonly LogEntry[] = []
  #sentMs = -Infinity
  #timer: Timer | undefined

  constructor(claim: Claim, write: RemoteWriting) {
    super(claim)
    this.#write = write
  }

  override get ended(): boolean {
    return this.over
  }

  override note(progress: Progress): void {
    this.#latest = progress
    this.#noted()
  }

  override log(entry: LogEntry): void {
    this.#entries = [...this.#entries.slice(1 - LOG_ENTRIES_MAX), entry]
    this.#noted()
  }

  override checkpoint(payload: Payload): Promise<void> {
    return this.lost || this.over
      ? Promise.reject(new FencedError(this.fence.task))
      : this.#write.checkpoint(payload)
  }

  /** Sends what was noted and has not gone yet. */
  flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.over || (this.#latest === null && this.#entries.length === 0)) return
    this.#sentMs = systemPlatform.monotonicMs()
    this.#write.notes(this.#latest, this.#entries)
    this.#latest = null
    this.#entries = []
  }

  #noted(): void {
    const waitMs = this.#sentMs + NOTES_EVERY_MS - systemPlatform.monotonicMs()
    if (waitMs <= 0) return this.flush()
    this.#timer ??= systemPlatform.setTimer(waitMs, () => this.flush(), 'idle')
  }
}
