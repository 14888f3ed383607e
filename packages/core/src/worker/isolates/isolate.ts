/** One isolate, as its worker sees it: it is opened, runs one task at a time, and does their errands at the store. */
import { FencedError, type CrashError } from '../../task/errors.ts'
import type { Timer } from '../../platform/platform.ts'
import { launch, type Ending, type Vessel, type VesselPlan } from '../../platform/vessel.ts'
import type { AddVerdict } from '../../store/port.ts'
import type { Fence, TaskSpec } from '../../store/records.ts'
import type { AbortCode } from '../../task/handler.ts'
import { overtimeOutcome, type Attempted } from '../attempt.ts'
import type { ContextServices } from '../context.ts'
import type { AbortError, Run } from '../run.ts'
import { crashError, crashRecord } from './crash.ts'
import { errorOf, wireError } from './wire-error.ts'
import type { CallMessage, Calls, Ended, FromIsolate } from './wire.ts'

/** What isolates need of their worker. */
export interface IsolateServices extends Pick<ContextServices, 'connection' | 'checkLease' | 'settleSoon'> {
  /** Enqueues in the name of a run what was made in its isolate. */
  child(spec: TaskSpec, under: Fence): Promise<AddVerdict>
}

export interface IsolatePlan extends Omit<VesselPlan, 'hear'> {
  /** URLs of the modules that export its handlers. */
  readonly modules: readonly string[]
}

/** How an attempt ended, and what of it concerns the isolate. */
export interface IsolatedAttempt extends Attempted {
  readonly missed: Ended['missed']
}

interface Current {
  readonly number: number
  readonly run: Run
  readonly resolve: (attempted: IsolatedAttempt) => void
  timer: Timer | undefined
}

/** How long after its signal a handler may take to give way before its isolate is ended. */
const GIVE_WAY_MS: Readonly<Record<AbortCode, number>> = {
  timeout: 500,
  lost: 500,
  // the upkeep of others forces a cancel after 5 s
  cancel: 3_000,
  // less than a worker that stops waits
  shutdown: 2_500,
}

/** What was asked to end itself has so long to do it. */
const LEAVE_MS = 1_000

export class Isolate {
  /** Resolves with the types that it can run; rejects if it is of no use. */
  readonly ready: Promise<ReadonlySet<string>>
  readonly gone: Promise<Ending>
  /** Of the memory for its objects, the part that was taken at the end of its last run. */
  heapShare = 0
  readonly #kind: IsolatePlan['kind']
  readonly #services: IsolateServices
  readonly #vessel: Vessel
  readonly #opened = Promise.withResolvers<ReadonlySet<string>>()
  #runs = 0
  #current: Current | undefined
  #isGone = false
  #ends = false

  constructor(plan: IsolatePlan, services: IsolateServices) {
    this.#kind = plan.kind
    this.#services = services
    this.#vessel = launch({ ...plan, hear: (message) => this.#hear(message as FromIsolate) })
    this.gone = this.#vessel.gone
    this.ready = this.#opened.promise
    this.ready.catch(() => undefined) // whoever opened it is told
    void this.gone.then((ending) => this.#ended(ending))
    this.#vessel.post({ kind: 'open', modules: plan.modules, heapMb: plan.heapMb })
  }

  /** How many runs it has had. */
  get runs(): number {
    return this.#runs
  }

  /** Whether it was told to end, or has: nothing more is to run in it. */
  get ends(): boolean {
    return this.#ends || this.#isGone
  }

  /** Never rejects. Nothing else runs in it meanwhile. */
  attempt(run: Run): Promise<IsolatedAttempt> {
    // it went while nothing ran in it: that is no fault of this task
    if (this.#isGone) return Promise.resolve({ outcome: { kind: 'unfinished' }, missed: null })
    return new Promise((resolve) => {
      const number = (this.#runs += 1)
      const current: Current = { number, run, resolve, timer: undefined }
      this.#current = current
      this.#vessel.post({ kind: 'run', run: number, claim: run.claim })
      const abort = (): void => this.#abort(current)
      if (run.aborted === undefined) run.signal.addEventListener('abort', abort, { once: true })
      else abort()
    })
  }

  /** Lets it end itself, which it does unless it is busy with something that no run needs any more. */
  async leave(): Promise<void> {
    this.#ends = true
    this.#vessel.post({ kind: 'close' })
    const timer = this.#services.connection.platform.setTimer(LEAVE_MS, () => this.kill(), 'holds')
    await this.gone
    timer.cancel()
  }

  kill(): void {
    this.#ends = true
    this.#vessel.kill()
  }

  #abort(current: Current): void {
    const { number, run } = current
    if (this.#current !== current) return
    const { reason, message } = run.aborted!
    if (reason === 'lost') this.#vessel.lose(number)
    this.#vessel.post({
      kind: 'abort',
      run: number,
      reason,
      message,
      over: run.outlived ? 'task' : 'attempt',
    })
    const { platform } = this.#services.connection
    current.timer = platform.setTimer(GIVE_WAY_MS[reason], () => this.#force(current), 'idle')
  }

  /** It did not give way: its outcome is decided now, whenever the isolate is gone. */
  #force(current: Current): void {
    if (this.#current !== current) return
    this.kill()
    this.#finish(current, { ...forced(current.run, current.run.aborted!), missed: null })
  }

  #finish(current: Current, attempted: IsolatedAttempt): void {
    this.#current = undefined
    current.timer?.cancel()
    current.resolve(attempted)
  }

  #ended(ending: Ending): void {
    this.#isGone = true
    const site = { kind: this.#kind, company: this.#runs > 1 ? 'company' : 'isolation' } as const
    const error = crashError(site, ending)
    this.#opened.reject(error)
    const current = this.#current
    if (current === undefined) return
    const { run } = current
    const attempted =
      run.aborted === undefined ? crashed(site.company, error, ending) : forced(run, run.aborted)
    this.#finish(current, { ...attempted, missed: null })
  }

  /** A handler in a process may send messages of its own: what is none of ours is passed over. */
  #hear(message: FromIsolate): void {
    switch (message.kind) {
      case 'ready':
        return this.#opened.resolve(new Set(message.types))
      case 'unable':
        return this.#opened.reject(errorOf(message.error))
      case 'say':
        return this.#services.connection.logger[message.level](message.data, message.message)
      case 'call':
        return void this.#serve(message)
      case 'notes':
        return this.#noted(message)
      case 'ended': {
        const current = this.#current
        if (current?.number !== message.run) return
        const { outcome, error, missed, heapShare } = message
        this.heapShare = heapShare
        this.#finish(current, { outcome, ...(error === null ? {} : { error: errorOf(error) }), missed })
      }
    }
  }

  #noted({ run: number, progress, entries }: Extract<FromIsolate, { kind: 'notes' }>): void {
    const current = this.#current
    if (current?.number !== number) return
    if (progress !== null) current.run.note(progress)
    for (const entry of entries) current.run.log(entry)
    this.#services.settleSoon(current.run, 'later')
  }

  async #serve(message: CallMessage): Promise<void> {
    const { call } = message
    try {
      this.#vessel.post({ kind: 'answer', call, answer: await this.#answer(message) })
    } catch (error) {
      this.#vessel.post({ kind: 'refusal', call, error: wireError(error) })
    }
  }

  #answer(message: CallMessage): Promise<Calls[keyof Calls]['answer']> {
    switch (message.what) {
      case 'outcomes':
        return this.#services.connection.read((store) => store.outcomes(message.request), 'insists')
      case 'add': {
        const { fence } = this.#held(message)
        return this.#services.child(message.request, fence)
      }
      case 'checkpoint': {
        const run = this.#held(message)
        const written = run.checkpoint(message.request)
        this.#services.settleSoon(run, 'now')
        return written.then(() => undefined)
      }
    }
  }

  /** @throws FencedError unless it is the run that asks, and its lease can be trusted */
  #held({ run: number }: CallMessage): Run {
    const current = this.#current
    this.#services.checkLease()
    if (current?.number === number && !current.run.lost && !current.run.ended) return current.run
    throw new FencedError(current?.run.claim.id ?? 'that has ended')
  }
}

function crashed(where: 'isolation' | 'company', error: CrashError, ending: Ending): Attempted {
  return { outcome: { kind: 'crashed', in: where, error: crashRecord(error, ending) }, error }
}

/** The outcome of a run that was told to end, and did not say how. */
function forced(run: Run, error: AbortError): Attempted {
  switch (error.reason) {
    case 'timeout':
      return { outcome: overtimeOutcome(run, error.message), error }
    case 'cancel':
      return { outcome: { kind: 'cancelled', error: null }, error }
    case 'shutdown':
    case 'lost':
      return { outcome: { kind: 'unfinished' }, error }
  }
}
