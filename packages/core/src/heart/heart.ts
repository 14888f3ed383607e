/**
 * The heart: sends the renewals of a session, every third of its lease. At each beat it asks the worker what it holds;
 * the answer is the proof that the worker goes on. One that does not answer is blocked: its lease is renewed blind,
 * for as long as it may be silent. The heart decides nothing else: whether a lease can be trusted is the worker's to say.
 */
import type { Nonce, SessionId } from '../store/records.ts'
import type { Held, RenewAnswer, RenewRequest } from '../store/sessions.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import type { Beater, Pulse } from './pulse.ts'

/** A renewal that failed is tried again after this part of a lease's time. */
export const RETRY: number = 1 / 15

/** The worker has this part of a lease's time to answer, but no longer than a second. */
const PATIENCE = 1 / 6
const PATIENCE_MAX_MS = 1_000

/** What a worker knows itself to hold. */
export interface Progress {
  readonly held: readonly Held[]
  readonly awaiting: readonly Nonce[]
}

/** A session that is to be kept up. */
export interface Life {
  readonly session: SessionId
  readonly ttlMs: number
  readonly pulse: Pulse
}

export interface HeartParts {
  readonly as: Beater
  readonly platform: Pick<Platform, 'monotonicMs' | 'wallMs' | 'setTimer'>
  renew(request: RenewRequest): Promise<RenewAnswer>
  /** Asks what the session holds; the answer comes by `answered`, at once where the worker is on the same thread. */
  ask(session: SessionId): void
  renewed(session: SessionId, answer: RenewAnswer): void
  failed(session: SessionId, error: unknown): void
}

/** A life, and where its beats are. */
interface Living extends Life {
  timer: Timer | undefined
  /** A beat is under way. */
  beating: boolean
  /** A beat was asked for while one was under way. */
  beatAgain: boolean
  /** A question is open. */
  asked: boolean
  /** The last question was waited for in vain, and is still open. */
  silent: boolean
  /** When the worker answered last. */
  answeredMs: number
  /** What it answered, until a renewal lists it. */
  progress: Progress | undefined
  /** Somebody waits for the answer. */
  wake: (() => void) | undefined
}

export class Heart {
  readonly #parts: HeartParts
  #life: Living | undefined

  constructor(parts: HeartParts) {
    this.#parts = parts
  }

  /** From now on this session is kept up, and none before it. */
  begin(life: Life): void {
    this.end()
    const living: Living = {
      ...life,
      timer: undefined,
      beating: false,
      beatAgain: false,
      asked: false,
      silent: false,
      answeredMs: this.#parts.platform.monotonicMs(),
      progress: undefined,
      wake: undefined,
    }
    this.#life = living
    if (this.#parts.as === 'far') life.pulse.takeOver()
    // whoever takes over goes on where the other one was
    const sinceMs = living.answeredMs - life.pulse.renewedAt.monotonicMs
    this.#beatIn(living, Math.max(0, life.ttlMs / 3 - sinceMs))
  }

  /** A renewal that is still under way is of no interest any more. */
  end(): void {
    this.#life?.timer?.cancel()
    this.#life = undefined
  }

  /** Something may be waiting to be heard. */
  beatNow(): void {
    if (this.#life !== undefined) this.#beatIn(this.#life, 0)
  }

  /** One that comes too late for its beat gets another one at once: the worker is there again. */
  answered(session: SessionId, progress: Progress): void {
    const life = this.#life
    if (life?.session !== session) return
    const late = life.silent
    life.asked = false
    life.silent = false
    life.answeredMs = this.#parts.platform.monotonicMs()
    life.progress = progress
    life.wake?.()
    if (late) this.#beatIn(life, 0)
  }

  #beatIn(life: Living, delayMs: number): void {
    life.timer?.cancel()
    life.timer = this.#parts.platform.setTimer(delayMs, () => this.#beat(life), 'holds')
  }

  #beat(life: Living): void {
    if (life.beating) {
      life.beatAgain = true
      return
    }
    life.beating = true
    void this.#renew(life).then(
      () => this.#beaten(life, life.ttlMs / 3),
      (error: unknown) => {
        if (this.#life === life) this.#parts.failed(life.session, error)
        this.#beaten(life, life.ttlMs * RETRY)
      },
    )
  }

  #beaten(life: Living, nextInMs: number): void {
    life.beating = false
    if (this.#life !== life) return
    this.#beatIn(life, life.beatAgain ? 0 : nextInMs)
    life.beatAgain = false
  }

  async #renew(life: Living): Promise<void> {
    if (life.pulse.beater !== this.#parts.as) return this.end()
    const progress = this.#ask(life) ?? (await this.#answer(life))
    if (this.#life !== life) return
    const { platform } = this.#parts
    const startedAt = { monotonicMs: platform.monotonicMs(), wallMs: platform.wallMs() }
    const isSilent = progress === undefined && startedAt.monotonicMs - life.answeredMs > life.pulse.maxBlockMs
    if (isSilent) return // and if it stays so, the lease lapses
    const { session, ttlMs } = life
    const { held, awaiting } = progress ?? { held: null, awaiting: [] }
    const seq = life.pulse.nextRenewal
    // not repeated: each try lists what is held by then
    const answer = await this.#parts.renew({ session, ttlMs, seq, held, awaiting })
    if (held !== null) life.pulse.renewed(seq)
    if (this.#life !== life) return
    if (answer.session === 'alive') life.pulse.renewedAt = startedAt
    this.#parts.renewed(session, answer)
  }

  /** What the worker answers at once, or has answered since the last renewal. */
  #ask(life: Living): Progress | undefined {
    if (life.progress === undefined && !life.asked) {
      life.asked = true
      this.#parts.ask(life.session)
    }
    return take(life)
  }

  /** What it answers in time. A question that is open since an earlier beat was waited for long enough. */
  async #answer(life: Living): Promise<Progress | undefined> {
    if (life.silent) return undefined
    const patienceMs = Math.min(life.ttlMs * PATIENCE, PATIENCE_MAX_MS)
    await new Promise<void>((resolve) => {
      const timer = this.#parts.platform.setTimer(patienceMs, resolve, 'idle')
      life.wake = () => {
        timer.cancel()
        resolve()
      }
    })
    life.wake = undefined
    life.silent = life.asked
    return take(life)
  }
}

/** Each answer is listed by one renewal only: the next one has to know of what was claimed since. */
function take(life: Living): Progress | undefined {
  const { progress } = life
  life.progress = undefined
  return progress
}
