/** A client that enqueues while things go wrong, and keeps a journal: each call is an `invoke`, and `ok`, `fail` or `unknown`. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from '@millrace/core/simulation'
import { chain, type EnqueueOptions, type Mill } from 'millrace'
import { monotonicMs } from './effects-journal.ts'
import { job, type JOBS, type JobInput } from './jobs.ts'

const NAME = 'caller'

export interface Order {
  readonly task?: (typeof JOBS)[number] | undefined
  readonly input: JobInput
  /** More than one: a chain of so many jobs, all of this input. */
  readonly steps?: number | undefined
  readonly options?: EnqueueOptions | undefined
}

export class Caller {
  readonly #mill: Mill
  readonly #calls: Call[] = []
  readonly #codes = new Map<string, number>()
  /** How many tasks a call is to make, where that is not one. */
  readonly #sizes = new Map<number, number>()
  /** What those were told of whom nothing was carried out. */
  readonly #refusals = new Map<number, string>()
  #last = 0
  longestMs = 0

  constructor(mill: Mill) {
    this.#mill = mill
  }

  /** How often a call ended so. */
  get codes(): ReadonlyMap<string, number> {
    return this.#codes
  }

  /** How many calls did not end well. */
  get refused(): number {
    return this.#last - (this.#codes.get('ok') ?? 0)
  }

  /**
   * So many calls, some at a time, spread over a time.
   *
   * @param draw what each of them enqueues
   */
  async spread(
    draw: (n: number) => Order,
    {
      calls,
      overMs,
      atATime = 64,
    }: { readonly calls: number; readonly overMs: number; readonly atATime?: number },
  ): Promise<void> {
    const begun = monotonicMs()
    let next = 0
    const line = async (): Promise<void> => {
      while (next < calls) {
        const dueAt = begun + ((next += 1) / calls) * overMs
        const waitMs = dueAt - monotonicMs()
        if (waitMs > 0) await sleep(waitMs)
        await this.one(draw)
      }
    }
    await Promise.all(Array.from({ length: atATime }, line))
  }

  /** @returns the task's id, if the store took it */
  async one(draw: (n: number) => Order): Promise<string | undefined> {
    const n = (this.#last += 1)
    const { task = job, input, options, steps = 1 } = draw(n)
    if (steps > 1) this.#sizes.set(n, steps)
    const call = { client: NAME, call: n, op: 'enqueue' } as const
    const begun = monotonicMs()
    this.#calls.push({ ...call, ids: [], phase: 'invoke', atMs: begun })
    try {
      const given = { ...options, metadata: { call: String(n) } }
      const handles =
        steps === 1
          ? [await this.#mill.enqueue(task, input, given)]
          : (await this.#mill.enqueueFlow(chainOf(input, { steps, metadata: given.metadata }))).all
      const ids = handles.map(({ id }) => id)
      const answers = handles.map(({ outcome }) => outcome)
      this.#calls.push({ ...call, ids, phase: 'ok', atMs: monotonicMs(), answers })
      this.#count('ok')
      return ids[0]
    } catch (error) {
      const { code, effect } = error as { readonly code?: string; readonly effect?: string }
      const phase = code === 'ambiguous' || effect === 'unknown' ? 'unknown' : 'fail'
      if (phase === 'fail') this.#refusals.set(n, String(error))
      this.#calls.push({ ...call, ids: [], phase, atMs: monotonicMs() })
      this.#count(String(code))
      return undefined
    } finally {
      this.longestMs = Math.max(this.longestMs, monotonicMs() - begun)
    }
  }

  /**
   * The journal. A call says its task's id only when it is answered: the others are given it.
   *
   * @param ids by the number of the call
   */
  journal(ids: ReadonlyMap<number, readonly string[]>): readonly Call[] {
    return this.#calls.map((call) => {
      const known = ids.get(call.call as number)
      return call.ids.length > 0 || known === undefined ? call : { ...call, ids: known }
    })
  }

  /** How many tasks a call is to make. */
  sizeOf(call: number): number {
    return this.#sizes.get(call) ?? 1
  }

  /** Calls that were told that nothing was carried out, and in which words. */
  get refusals(): ReadonlyMap<number, string> {
    return this.#refusals
  }

  #count(code: string): void {
    this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1)
  }
}

function chainOf(
  input: JobInput,
  { steps, ...options }: { readonly steps: number; readonly metadata: Readonly<Record<string, string>> },
): ReturnType<typeof chain> {
  return chain(...Array.from({ length: steps }, () => job.with(input, options)))
}
