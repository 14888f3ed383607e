/** Where runs go that do not run inline: which pool, and whether alone. */
import { heapLimitMb } from '../../platform/isolate-self.ts'
import { isSuspect } from '../../policy/outcome.ts'
import type { AnyHandler } from '../../task/handler.ts'
import { outcomeOfThrown, type Attempted } from '../attempt.ts'
import type { Run } from '../run.ts'
import type { IsolatedAttempt, IsolatePlan } from './isolate.ts'
import { IsolatePool, type PoolServices } from './pool.ts'
import type { ResolvedIsolates } from './options.ts'

/** A pool, by what its isolates are. */
interface Place extends Omit<IsolatePlan, 'modules'> {
  readonly alone: 'alone' | 'in turn'
}

export interface IsolatesServices extends PoolServices {
  /** Attempts it with what stands around handlers. */
  around(run: Run, handler: AnyHandler, attempt: () => Promise<IsolatedAttempt>): Promise<IsolatedAttempt>
}

export class Isolates {
  readonly #options: ResolvedIsolates | undefined
  readonly #services: IsolatesServices
  readonly #pools = new Map<string, IsolatePool>()
  /** Types whose handlers need what only the main thread has: there suspects run inline. */
  readonly #inlineOnly = new Set<string>()
  /** What was said, once. */
  readonly #said = new Set<string>()

  constructor(options: ResolvedIsolates | undefined, services: IsolatesServices) {
    this.#options = options
    this.#services = services
  }

  /** Whether a task is to be run alone, and can be. */
  isolates(run: Run): boolean {
    return (
      this.#options !== undefined && isSuspect(run.claim.counters) && !this.#inlineOnly.has(run.claim.type)
    )
  }

  /** Whether a run is attempted in an isolate, and not inline. */
  takes(run: Run, { options: { runIn = 'inline' } }: AnyHandler): boolean {
    const suspect = isSuspect(run.claim.counters)
    if (runIn === 'inline' && !suspect) return false
    if (this.#options !== undefined) return runIn !== 'inline' || this.isolates(run)
    this.#say(
      'no module',
      'a task has crashed its workers more than once, and is not run alone: give the worker isolates: { module }',
    )
    return false
  }

  /** Ends all isolates; resolves when they are gone. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#pools.values(), (pool) => pool.close()))
  }

  /** @param begin is called when there is an isolate for the run: its time runs from then on */
  async attempt(run: Run, handler: AnyHandler, begin: () => void): Promise<Attempted> {
    const pool = this.#poolOf(placeOf(handler, isSuspect(run.claim.counters)))
    const isolate = await pool.take(run)
    if (run.aborted !== undefined) {
      if (isolate !== undefined) pool.give(isolate)
      return { outcome: outcomeOfThrown(run, handler.task, run.aborted), error: run.aborted }
    }
    if (isolate === undefined) return { outcome: { kind: 'unfinished' } }
    if (!pool.knows(isolate, run.claim.type)) {
      pool.give(isolate)
      return this.#unknown(run, handler)
    }
    begin()
    const attempted = await this.#services.around(run, handler, () => isolate.attempt(run))
    pool.give(isolate)
    return this.#judged(run, handler, attempted)
  }

  /** A suspect whose handler can do its work only inline is no failure of it. */
  #judged(run: Run, handler: AnyHandler, { missed, ...attempted }: IsolatedAttempt): Attempted {
    if (missed === null || !runsInline(handler)) return attempted
    return this.#runInline(
      run,
      `the handler of ${run.claim.type} needs a transaction, which only an inline one has`,
    )
  }

  #unknown(run: Run, handler: AnyHandler): Attempted {
    const why = `the modules of the isolates export no handler of ${run.claim.type}`
    if (runsInline(handler)) return this.#runInline(run, why)
    this.#services.failed(new Error(why))
    return { outcome: { kind: 'unfinished' } }
  }

  /** It goes back once more, and is not run alone from then on. */
  #runInline({ claim }: Run, why: string): Attempted {
    this.#inlineOnly.add(claim.type)
    this.#say(claim.type, `a task that crashes its workers is not run alone: ${why}`)
    return { outcome: { kind: 'unfinished' } }
  }

  #say(what: string, message: string): void {
    if (this.#said.has(what)) return
    this.#said.add(what)
    this.#services.connection.logger.warn(message)
  }

  #poolOf(place: Place): IsolatePool {
    const { kind, heapMb, memoryMb, env, alone } = place
    const key = JSON.stringify([kind, heapMb, memoryMb, env, alone])
    const known = this.#pools.get(key)
    if (known !== undefined) return known
    const { modules, threads, processes, tasksMax, idleMs } = this.#options!
    const pool = new IsolatePool(
      {
        plan: { kind, heapMb, memoryMb, env, modules },
        isolatesMax: kind === 'thread' ? threads : processes,
        runsMax: alone === 'alone' ? 1 : tasksMax,
        idleMs,
      },
      this.#services,
    )
    this.#pools.set(key, pool)
    return pool
  }
}

function runsInline({ options: { runIn = 'inline' } }: AnyHandler): boolean {
  return runIn === 'inline'
}

/** A suspect runs alone in a process, with what its handler has where it runs otherwise. */
function placeOf({ options }: AnyHandler, suspect: boolean): Place {
  const { runIn = 'inline', heapMb, memoryMb = null, env } = options
  return {
    kind: suspect || runIn === 'process' ? 'process' : 'thread',
    heapMb: heapMb ?? (suspect && runIn !== 'process' ? heapLimitMb() : null),
    memoryMb,
    env: runIn === 'process' ? (env ?? []) : null,
    alone: suspect ? 'alone' : 'in turn',
  }
}
