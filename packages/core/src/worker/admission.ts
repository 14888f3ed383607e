/** Looks what the process takes, and says how many slots are to be used. Without a budget there is none of it. */
import { cpuMs, memoryMb } from '../platform/meter.ts'
import { slotsWithin, type ResourceBudget } from '../policy/admission.ts'
import type { ExecutorParts } from './executor.ts'
import type { Platform, Timer } from '../platform/platform.ts'

/** How often it looks, and so over what time the processor's time is measured. */
const LOOK_EVERY_MS = 1_000

interface AdmissionParts {
  readonly platform: Platform
  readonly budget: ResourceBudget
  slotsMax(): number
  changed(change: SlotsChange): void
}

interface SlotsChange {
  /** Slots that are used from now on, of so many. */
  readonly slots: number
  readonly slotsMax: number
  readonly memoryMb: number
  readonly cpu: number
}

export class Admission {
  /** How many are used; `Infinity`: all there are. */
  #slots = Infinity
  readonly #parts: AdmissionParts
  #timer: Timer | undefined
  #stopped = false

  constructor(parts: AdmissionParts) {
    this.#parts = parts
  }

  /** How many are not to be used. */
  get withheld(): number {
    return Math.max(0, this.#parts.slotsMax() - this.#slots)
  }

  start(): void {
    if (this.#timer === undefined) this.#lookAfter(cpuMs(), this.#parts.platform.monotonicMs())
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }

  #lookAfter(cpuBeforeMs: number, beforeMs: number): void {
    if (this.#stopped) return
    const { platform, budget } = this.#parts
    this.#timer = platform.setTimer(
      LOOK_EVERY_MS,
      () => {
        const [nowMs, cpuNowMs] = [platform.monotonicMs(), cpuMs()]
        const use = { memoryMb: memoryMb(), cpu: (cpuNowMs - cpuBeforeMs) / (nowMs - beforeMs) }
        const slotsMax = this.#parts.slotsMax()
        const before = Math.min(this.#slots, slotsMax)
        const slots = slotsWithin({ slots: before, slotsMax }, budget, use)
        this.#slots = slots < slotsMax ? slots : Infinity
        if (slots !== before) this.#parts.changed({ slots, slotsMax, ...use })
        this.#lookAfter(cpuNowMs, nowMs)
      },
      'idle',
    )
  }
}

/** What keeps an executor within its budget, if it has one. */
export function admissionOf(parts: ExecutorParts): Admission | undefined {
  const { budget, slots, emitter } = parts
  if (budget === undefined) return undefined
  const changed = (change: SlotsChange): void => {
    emitter.emit('throttled', change)
    parts.freed()
  }
  const slotsMax = (): number => slots.concurrency
  return new Admission({ platform: parts.connection.platform, budget, slotsMax, changed })
}
