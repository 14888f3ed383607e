/** Handlers that end their task in a transaction: whatever becomes of it, the claim ends once, or is left to the store. */
import { describe, expect, test } from 'vitest'
import {
  defineTask,
  MemoryStore,
  StoreError,
  systemPlatform,
  TransactionalMill,
  unchecked,
  type TransactionalContext,
} from '../../src/index.ts'
import { silent, World } from './world.ts'
import type {
  Fate,
  Receipt,
  Settled,
  TransactionalStore,
  Transactions,
} from '../../src/store/transactions.ts'
import type { GroupAnswer, TaskGroup } from '../../src/store/port.ts'
import type { Settlement } from '../../src/store/settlement.ts'

/** A transaction of the memory store: what was settled in it is carried out when it commits. */
class Tx {
  readonly name = Math.random().toString()
  readonly settlements: Settlement[] = []
  fate: Fate = 'open'
}

class TransactionalMemoryStore extends MemoryStore implements TransactionalStore<Tx> {
  /** What becomes of the next commit of `run`. */
  next: 'answered' | 'carried out' | 'not carried out' | 'unknown for good' = 'answered'
  asked = 0
  #mute = false
  readonly #begun = new Map<string, Tx>()
  readonly transactions: Transactions<Tx> = {
    work: 'asynchronous',
    add: async (_, group: TaskGroup): Promise<GroupAnswer> =>
      (await this.add({ groups: [group], again: false }))[0]!,
    settle: async (tx, settlement): Promise<Settled> => {
      const [task] = await this.get([settlement.fence.task])
      if (task?.state !== 'running' || task.epoch !== settlement.fence.epoch) return { verdict: 'stale' }
      const own = tx as Tx
      own.settlements.push(settlement)
      this.#begun.set(own.name, own)
      return {
        verdict: 'applied',
        receipt: { fence: settlement.fence, seq: settlement.seq, transaction: own.name },
      }
    },
    run: async (work) => {
      const tx = new Tx()
      let answer
      try {
        answer = await work(tx)
      } catch (error) {
        tx.fate = 'rolled back'
        throw error
      }
      const { next } = this
      this.#mute = next === 'unknown for good'
      this.next = 'answered'
      if (next === 'answered' || next === 'carried out') await this.commit(tx)
      if (next === 'not carried out') tx.fate = 'rolled back'
      if (next === 'answered') return answer
      throw new StoreError('store-unavailable', 'The line broke.', { effect: 'unknown' })
    },
    fate: async ({ transaction }: Receipt): Promise<Fate> => {
      this.asked += 1
      // whatever goes wrong with the question
      if (this.#mute) throw new RangeError('no answer')
      return this.#begun.get(transaction)!.fate
    },
  }

  async commit(tx: Tx): Promise<void> {
    const demand = null
    const request = {
      session: '',
      nonce: '0000000000000000',
      again: false,
      settlements: tx.settlements,
      demand,
    }
    await this.exchange(request)
    tx.fate = 'committed'
  }
}

const job = defineTask('job', {
  input: unchecked<number>(),
  output: unchecked<number>(),
  retry: { delays: ['1s'] },
})

type Handle = (ctx: TransactionalContext<Tx, number>, begun: Begun) => Promise<number>

interface Begun {
  readonly world: World
  readonly store: TransactionalMemoryStore
  readonly mill: TransactionalMill<Tx>
  readonly events: string[]
  readonly warnings: unknown[]
}

async function begin(handle: Handle): Promise<Begun & { readonly run: () => Promise<number> }> {
  const world = new World()
  const platform = world.time.platform()
  const store = new TransactionalMemoryStore({ platform })
  const warnings: unknown[] = []
  const logger = { ...silent, warn: (...parts: unknown[]) => void warnings.push(parts) }
  const mill = new TransactionalMill<Tx>(store, { platform, logger })
  const events: string[] = []
  const begun: Begun = { world, store, mill, events, warnings }
  const worker = mill.worker({ handlers: job.handler<Tx>((_, ctx) => handle(ctx, begun)) })
  for (const name of ['started', 'succeeded', 'failed', 'lost'] as const)
    worker.on(name, () => events.push(name))
  await world.settle(worker.start())
  const run = async (): Promise<number> => {
    const handle = await mill.enqueue(job, 1)
    return world.settle(handle.result({ within: '5m' }), 400_000)
  }
  return { ...begun, run }
}

test('what ended in a transaction is a success to a breaker', async () => {
  const world = new World()
  const platform = world.time.platform()
  const store = new TransactionalMemoryStore({ platform })
  const mill = new TransactionalMill<Tx>(store, { platform, logger: silent })
  const task = defineTask('charge', {
    input: unchecked<number>(),
    retry: false,
    breaker: { name: 'bank', of: 3, within: '10m', open: '1s', probes: 1 },
  })
  const handler = task.handler<Tx>(async (n, ctx) => {
    if (n === 0) throw new Error('503')
    await ctx.transaction(async () => undefined)
  })
  const worker = mill.worker({ handlers: handler, concurrency: 1 })
  await world.settle(worker.start())
  const states: unknown[] = []
  for (const inputs of [[1, 2, 3, 4, 0, 0, 0], [0], [1]]) {
    for (const n of inputs) await world.settle(mill.enqueue(task, n))
    await world.time.advance(1_500)
    states.push((await mill.breakers.list()).map(({ state }) => state))
  }
  expect(states).toEqual([[], ['half-open'], ['closed']])
  await world.settle(worker.stop())
})

describe('ctx.transaction', () => {
  test('ends the task with what its work answers; what the handler returns then is not looked at', async () => {
    const { run, events, store } = await begin(async (ctx) => {
      const answer = await ctx.transaction(async () => 7)
      expect(answer).toBe(7)
      await expect(ctx.transaction(async () => 8)).rejects.toMatchObject({ code: 'invalid-argument' })
      return 'no number' as unknown as number
    })
    expect(await run()).toBe(7)
    expect(events).toEqual(['started', 'succeeded'])
    expect(store.asked).toBe(0)
  })

  test('says so if the handler throws afterwards', async () => {
    const { run, events, warnings } = await begin(async (ctx) => {
      await ctx.transaction(async () => 7)
      throw new Error('afterwards')
    })
    expect(await run()).toBe(7)
    expect(events).toEqual(['started', 'succeeded'])
    expect(warnings).toHaveLength(1)
  })

  test.each([
    ['carried out', ['started', 'succeeded']],
    ['not carried out', ['started', 'failed', 'started', 'succeeded']],
  ] as const)('asks for the fate of a commit that was %s and not answered', async (next, expected) => {
    const { run, events, store } = await begin((ctx, { store: of }) => {
      if (ctx.attempt === 1) of.next = next
      return ctx.transaction(async () => 7)
    })
    expect(await run()).toBe(7)
    expect(events).toEqual(expected)
    expect(store.asked).toBe(1)
  })

  test('leaves a task to the store whose commit nobody can tell of, and settles nothing', async () => {
    const seen: unknown[] = []
    const { run, events, store, warnings } = await begin(async (ctx, { store: of }) => {
      of.next = seen.length === 0 ? 'unknown for good' : 'answered'
      try {
        return await ctx.transaction(async () => 7)
      } catch (error) {
        seen.push(error)
        throw error
      }
    })
    // two renewals do not list it, so it is returned and runs again
    expect(await run()).toBe(7)
    expect(seen).toEqual([expect.objectContaining({ code: 'ambiguous' })])
    expect(events).toEqual(['started', 'lost', 'started', 'succeeded'])
    expect(store.asked).toBeGreaterThan(5)
    expect(warnings).toContainEqual([
      expect.objectContaining({ err: expect.any(RangeError) as unknown }),
      expect.stringContaining('nobody can say'),
    ])
  })

  test('notes of the way are written with it, or after it was rolled back', async () => {
    const { run, mill, world } = await begin(async (ctx) => {
      ctx.progress(0.5, 'half')
      await ctx.transaction(async () => {
        ctx.log.info('inside')
        if (ctx.attempt === 1) throw new Error('rolled back')
        return 1
      })
      return 1
    })
    await run()
    const [listed] = (await world.settle(mill.tasks.list({ type: 'job', limit: 1 }))).tasks
    const task = await world.settle(mill.tasks.get(listed!.id))
    expect(task?.logs.map(({ message }) => message)).toEqual(['inside', 'inside'])
    expect(task?.progress).toMatchObject({ fraction: 0.5 })
  })
})

describe('ctx.within(tx).complete', () => {
  test('waits for the transaction to end, and then for nothing else', async () => {
    const tx = new Tx()
    const { run, events, world, store } = await begin(async (ctx, { store: of }) => {
      await ctx.within(tx).complete(5)
      world.time.at(world.time.nowMs + 2_000, () => void of.commit(tx))
      return 6
    })
    expect(await run()).toBe(5)
    // the worker learns of it when it asks the next time
    expect(await world.time.until(() => events.length === 2, 5_000)).toBe(true)
    expect(events).toEqual(['started', 'succeeded'])
    expect(store.asked).toBeGreaterThan(1)
  })

  test('is judged by what the handler does, if the transaction is rolled back', async () => {
    const { run, events } = await begin(async (ctx) => {
      const tx = new Tx()
      await ctx.within(tx).complete(5)
      tx.fate = 'rolled back'
      if (ctx.attempt === 1) throw new Error('no')
      return 6
    })
    expect(await run()).toBe(6)
    expect(events).toEqual(['started', 'failed', 'started', 'succeeded'])
  })

  test('a result that cannot be one ends the task as invalid', async () => {
    const { run, events } = await begin(async (ctx) => {
      await ctx.within(new Tx()).complete(1n as unknown as number)
      return 1
    })
    await expect(run()).rejects.toMatchObject({ reason: 'invalid' })
    expect(events).toEqual(['started', 'failed'])
  })
})

test('a store without transactions gives handlers none', async () => {
  const world = new World()
  const mill = world.mill()
  const seen: boolean[] = []
  const worker = mill.worker({
    handlers: job.handler((_, ctx) => {
      seen.push('transaction' in ctx, 'within' in ctx)
      return 1
    }),
  })
  await world.settle(worker.start())
  await world.settle((await mill.enqueue(job, 1)).result({ within: '1m' }))
  expect(seen).toEqual([false, false])
  expect('within' in mill).toBe(false)
})

test('what is refused in one call is refused once: no other refusal is left with nobody', async () => {
  const refusing = (answer: <T>(issues: T) => T | Promise<T>) => ({
    '~standard': {
      version: 1 as const,
      vendor: 'test',
      validate: () => answer({ issues: [{ message: 'no' }] }),
    },
  })
  const late = defineTask('late', { input: refusing(async (issues) => issues) })
  const atOnce = defineTask('atOnce', { input: refusing((issues) => issues) })
  const mill = new TransactionalMill<Tx>(new TransactionalMemoryStore({ platform: systemPlatform }), {
    logger: silent,
  })
  const strays: unknown[] = []
  const stray = (error: unknown): void => void strays.push(error)
  process.on('unhandledRejection', stray)
  try {
    const drafts = [late.with(1), late.with(2), atOnce.with(3)]
    await expect(mill.within(new Tx()).enqueueMany(drafts)).rejects.toMatchObject({ code: 'invalid-payload' })
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(strays).toEqual([])
  } finally {
    process.off('unhandledRejection', stray)
  }
  await mill.close()
})
