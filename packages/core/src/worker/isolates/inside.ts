/**
 * Inside an isolate: loads the modules of handlers, and runs one task at a time, with the very code that runs them
 * inline. Its runs and its line to the store are stand-ins that ask the worker.
 */
import { attribute, inTheNameOf } from '../../platform/attribution.ts'
import { systemPlatform } from '../../platform/system.ts'
import { exportedHandlers } from '../../task/exported-handlers.ts'
import { InvalidArgumentError } from '../../task/errors.ts'
import { messageOf } from '../../task/shown.ts'
import { firstTime } from '../../client/handle.ts'
import { specOf } from '../../client/specs.ts'
import type { AnyHandler } from '../../task/handler.ts'
import type { Fence, LogEntry, Progress } from '../../store/records.ts'
import type { Store } from '../../store/port.ts'
import { attempt, unusable, type Attempted, type AttemptServices } from '../attempt.ts'
import { attemptBatch } from '../batch.ts'
import type { ChildEnqueuer, Line } from '../context.ts'
import { isBatchHandler } from '../gatherer.ts'
import { inputOf } from '../input.ts'
import { handlersByType } from '../options.ts'
import { failedAstray, strayError } from '../stray.ts'
import { RemoteRun } from './remote-run.ts'
import { errorOf, wireError } from './wire-error.ts'
import type { CallMessage, Calls, Ended, FromIsolate, ToIsolate } from './wire.ts'

export interface InsideParts {
  /** @throws what cannot travel */
  post(message: FromIsolate): void
  /** Whether a run is known to be lost, without a message. */
  isLost(run: number): boolean
  load(url: string): Promise<Readonly<Record<string, unknown>>>
  /** What its objects take, as a part of so many MiB, or of what Node gives them. */
  heapShare(heapMb: number | null): number
  /** Ends the isolate. */
  leave(): void
}

interface Pending {
  resolve(answer: unknown): void
  reject(error: Error): void
}

interface Current {
  readonly number: number
  readonly run: RemoteRun
  readonly handler: AnyHandler
  missed: Ended['missed']
}

const SPOILT = 1

export class Inside {
  readonly #parts: InsideParts
  readonly #services: AttemptServices
  readonly #pending = new Map<number, Pending>()
  #handlers: ReadonlyMap<string, AnyHandler> = new Map()
  #calls = 0
  #heapMb: number | null = null
  #current: Current | undefined

  constructor(parts: InsideParts) {
    this.#parts = parts
    const line = this.#line()
    this.#services = {
      connection: line,
      enqueuer: this.#enqueuer(),
      checkLease: () => this.#checkLease(),
      settleSoon: () => undefined, // a remote run sends by itself
      settledApart: () => undefined,
      abandoned: () => undefined,
      started: () => undefined, // the worker knows
      stretches: undefined, // nobody else waits for this thread
      plugins: undefined, // the worker has them around all of it
    }
    attribute()
  }

  hear(message: ToIsolate): void {
    switch (message.kind) {
      case 'open':
        this.#heapMb = message.heapMb
        return void this.#open(message.modules)
      case 'run':
        return this.#run(message.run, message.claim)
      case 'abort':
        if (this.#current?.number !== message.run) return
        this.#current.run.outlived = message.over === 'task'
        if (message.reason === 'lost') return this.#current.run.lose()
        return this.#current.run.abort(message.reason, message.message)
      case 'answer':
      case 'refusal': {
        const pending = this.#pending.get(message.call)
        this.#pending.delete(message.call)
        if (message.kind === 'answer') pending?.resolve(message.answer)
        else pending?.reject(errorOf(message.error))
        return
      }
      case 'close':
        return this.#parts.leave()
    }
  }

  async #open(modules: readonly string[]): Promise<void> {
    try {
      const handlers: AnyHandler[] = []
      for (const module of modules) handlers.push(...(await exportedHandlers(await this.#parts.load(module))))
      this.#handlers = handlersByType(handlers as never)
      this.#parts.post({ kind: 'ready', types: [...this.#handlers.keys()] })
    } catch (error) {
      this.#parts.post({ kind: 'unable', error: wireError(error) })
    }
  }

  #run(number: number, claim: RemoteRun['claim']): void {
    const handler = this.#handlers.get(claim.type)!
    const send = {
      notes: (progress: Progress | null, entries: readonly LogEntry[]) =>
        this.#parts.post({ kind: 'notes', run: number, progress, entries }),
      checkpoint: (payload: Calls['checkpoint']['request']) => this.#call(number, 'checkpoint', payload),
    }
    const current: Current = { number, run: new RemoteRun(claim, send), handler, missed: null }
    this.#current = current
    current.run.onStray = (_, error) => this.#stray(current, error)
    void inTheNameOf(current.run, () => this.#attempt(current)).then((attempted) =>
      this.#end(current, attempted),
    )
  }

  async #attempt({ run, handler }: Current): Promise<Attempted> {
    if (!isBatchHandler(handler)) return attempt(run, handler, this.#services)
    try {
      const input: unknown = await inputOf(run, handler.task, this.#services.connection)
      const [attempted] = await attemptBatch([{ run, input }], handler, this.#services)
      return attempted!
    } catch (error) {
      return unusable(error)
    }
  }

  /** Its attempt fails at once; whatever of it still goes on ends with the isolate. */
  #stray(current: Current, error: unknown): void {
    const failure = strayError(error)
    if (this.#current === current) {
      this.#end(current, failedAstray(current.run, current.handler.task, failure), SPOILT)
      return
    }
    const { id, type } = current.run.claim
    this.#services.connection.logger.error(
      { task: id, type, err: error },
      'nobody caught what a handler left behind whose task had ended',
    )
  }

  #end(
    current: Current,
    { outcome, error }: Attempted,
    heapShare: number = this.#parts.heapShare(this.#heapMb),
  ): void {
    if (this.#current !== current) return
    this.#current = undefined
    current.run.flush()
    current.run.over = true
    const { number: run, missed } = current
    const thrown = error === undefined ? null : wireError(error)
    this.#parts.post({ kind: 'ended', run, outcome, error: thrown, missed, heapShare })
  }

  #checkLease(): void {
    const current = this.#current
    if (current !== undefined && this.#parts.isLost(current.number)) current.run.lose()
  }

  #call<K extends keyof Calls>(
    run: number,
    what: K,
    request: Calls[K]['request'],
  ): Promise<Calls[K]['answer']> {
    return new Promise<unknown>((resolve, reject) => {
      const call = (this.#calls += 1)
      this.#pending.set(call, { resolve, reject })
      this.#parts.post({ kind: 'call', run, call, what, request } as CallMessage)
    }) as Promise<Calls[K]['answer']>
  }

  #line(): Line {
    const store = {
      outcomes: (request: Calls['outcomes']['request']) => this.#call(0, 'outcomes', request),
      // of every store, so that a handler which asks for a transaction is told where it can have one
      transactions: { work: 'asynchronous', run: () => Promise.reject(this.#noTransaction()) },
    } as unknown as Store
    const say =
      (level: 'debug' | 'info' | 'warn' | 'error') =>
      (first: object | string, second?: string): void =>
        this.#say(
          level,
          typeof first === 'string' ? {} : first,
          typeof first === 'string' ? first : (second ?? ''),
        )
    return {
      store,
      platform: systemPlatform,
      logger: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
      read: (look) => look(store),
    }
  }

  #say(level: 'debug' | 'info' | 'warn' | 'error', data: object, message: string): void {
    try {
      this.#parts.post({ kind: 'say', level, data, message })
    } catch {
      // functions and the like cannot travel: their names can
      const texts = Object.entries(data).map(([name, value]) => [name, messageOf(value)])
      this.#parts.post({ kind: 'say', level, data: Object.fromEntries(texts) as object, message })
    }
  }

  #enqueuer(): ChildEnqueuer {
    return {
      one: async (draft, under) => {
        // made here, where the definition is: its schema and the functions that make its keys are code
        const spec = await specOf(draft, draft.options.id!, 'user')
        const verdict = firstTime(spec, await this.#call(this.#numberOf(under), 'add', spec))
        const id = verdict.outcome === 'duplicate' ? verdict.by.id : spec.id
        return { task: draft.task, id, ...verdict }
      },
      within: () => {
        throw this.#noTransaction()
      },
    }
  }

  /** A run that is over has none: what is asked for in its name is refused. */
  #numberOf({ task, epoch }: Fence): number {
    const current = this.#current
    return current?.run.fence.task === task && current.run.fence.epoch === epoch ? current.number : 0
  }

  #noTransaction(): InvalidArgumentError {
    if (this.#current !== undefined) this.#current.missed = 'transaction'
    return new InvalidArgumentError('There are no transactions in an isolate.', {
      hint: 'Run this handler inline: leave out runIn. An isolate has no connection to the store.',
    })
  }
}
