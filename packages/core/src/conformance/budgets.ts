/** Budgets as they are set, what there is of their scopes, and what was spent. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, only } from './expect.ts'
import { laneOf } from './partitions.ts'
import { MINUTE, SECOND, type Scene } from './scene.ts'
import { fail, retry, succeed } from './worker.ts'
import type { Budget, BudgetScope, QuotaWindow, ScopeUsage, Spent } from '../store/budgets.ts'

const DEFAULT: BudgetScope = { kind: 'queue', name: 'default' }
const ACME: BudgetScope = { kind: 'partition', name: 'acme' }
const NOTHING: Spent = { tasks: 0, handlerMs: 0 }

function budgetOf(changes: Partial<Budget>): Budget {
  return { tasks: null, bytes: null, quota: null, ...changes }
}

async function usageOf(
  scene: Scene,
  scope: BudgetScope,
  window: QuotaWindow | null = null,
): Promise<ScopeUsage> {
  return only((await scene.store.usage([{ scope, window }])).usages)
}

/** How many live tasks there are, and how much payload they have. */
async function holding(scene: Scene, scope: BudgetScope): Promise<readonly [tasks: number, bytes: number]> {
  const { tasks, bytes } = await usageOf(scene, scope)
  return [tasks, bytes]
}

const WINDOW: QuotaWindow = { from: 0, until: 4_000_000_000_000 }

export const budgetCases: readonly ConformanceCase[] = cases('budgets', {
  'budgets are set, changed, shown by kind and name, and lifted': async ({ store }) => {
    const quota = { tasks: 5, handlerMs: 1_000, perMs: MINUTE }
    equal(await store.budgets(), [])
    equal(await store.configureBudget({ scope: DEFAULT, budget: budgetOf({ tasks: 1 }) }), 'applied')
    await store.configureBudget({ scope: ACME, budget: budgetOf({ quota }) })
    await store.configureBudget({ scope: { kind: 'partition', name: '*' }, budget: budgetOf({ bytes: 7 }) })
    await store.configureBudget({ scope: DEFAULT, budget: budgetOf({ tasks: 2, bytes: 9 }) })
    equal(await store.budgets(), [
      { scope: { kind: 'partition', name: '*' }, budget: budgetOf({ bytes: 7 }) },
      { scope: ACME, budget: budgetOf({ quota }) },
      { scope: DEFAULT, budget: budgetOf({ tasks: 2, bytes: 9 }) },
    ])
    await store.configureBudget({ scope: ACME, budget: null })
    await store.configureBudget({ scope: ACME, budget: null })
    equal((await store.budgets()).length, 2)
  },

  'a thousand budgets stand, and one more does not': async ({ store }) => {
    const setting = (n: number): Promise<'applied' | 'too-many'> =>
      store.configureBudget({ scope: { kind: 'partition', name: `p${n}` }, budget: budgetOf({ tasks: n }) })
    for (let n = 0; n < 1_000; n++) equal(await setting(n), 'applied')
    equal(await setting(1_000), 'too-many')
    equal(await setting(999), 'applied')
    await store.configureBudget({ scope: { kind: 'partition', name: 'p3' }, budget: null })
    equal(await setting(1_000), 'applied')
    equal((await store.budgets()).length, 1_000)
  },

  'a queue holds its live tasks, whatever they wait for, and their payloads': async (scene) => {
    const worker = await scene.worker()
    equal(await holding(scene, DEFAULT), [0, 0])
    const payload = 'x'.repeat(100)
    const parent = await scene.enqueue({ payload })
    await scene.enqueue({ payload, held: true })
    await scene.enqueue({ payload, due: { inMs: MINUTE } })
    await scene.enqueue({ payload, after: [{ parent, ifFailed: 'cancel' }] })
    await scene.enqueue({ payload: new Uint8Array(50) })
    await scene.enqueue({ payload, queue: 'other' })
    equal(await holding(scene, DEFAULT), [5, 450])
    const claims = await worker.claim(2)
    equal(await holding(scene, DEFAULT), [5, 450])
    for (const claim of claims) await worker.end(claim)
    const left = claims.some(({ id }) => id === parent) ? [3, 300] : [3, 350]
    equal(await holding(scene, DEFAULT), left)
    equal(await holding(scene, { kind: 'queue', name: 'unknown' }), [0, 0])
  },

  'a partition holds its tasks in all queues': async (scene) => {
    const payload = 'x'.repeat(10)
    await scene.enqueueMany(3, { payload, lane: laneOf('acme') })
    await scene.enqueue({ payload, queue: 'other', lane: laneOf('acme', { fifo: true }) })
    await scene.enqueueMany(2, { payload, lane: laneOf('other') })
    await scene.enqueue({ payload })
    const limits = [{ name: 'api', key: 'k', cost: 1 }]
    await scene.enqueue({ payload, lane: laneOf('acme', { limits }) })
    await scene.enqueue({ payload, lane: laneOf(null, { limits }) })
    const { usages } = await scene.store.usage([
      { scope: ACME, window: null },
      { scope: DEFAULT, window: null },
      { scope: { kind: 'partition', name: 'none' }, window: null },
    ])
    equal(
      usages.map(({ tasks, bytes, spent }) => [tasks, bytes, spent]),
      [
        [5, 50, NOTHING],
        [8, 80, NOTHING],
        [0, 0, NOTHING],
      ],
    )
  },

  'whatever way a task ends, it is held no more; one that starts over is': async (scene) => {
    const worker = await scene.worker()
    const lane = laneOf('acme')
    const payload = 'x'.repeat(20)
    const failed = await scene.enqueue({ lane, payload })
    await scene.enqueue({ lane, payload, after: [{ parent: failed, ifFailed: 'cancel' }] })
    const claim = await worker.claimOne()
    const cancelled = await scene.enqueue({ lane, payload })
    const removed = await scene.enqueue({ lane, payload })
    await scene.enqueue({ lane, payload, startByMs: SECOND })
    const succeeding = await scene.enqueue({ lane, payload })
    equal(await holding(scene, ACME), [6, 120])
    await worker.settle(claim, fail())
    await scene.deliver()
    equal(await holding(scene, ACME), [4, 80])
    await scene.cancel(cancelled)
    await scene.remove(removed)
    equal(await holding(scene, ACME), [2, 40])
    await scene.pass(2 * SECOND)
    await scene.sweep()
    equal(await holding(scene, ACME), [1, 20])
    await worker.settle(await worker.claimOne(), succeed())
    await scene.see(succeeding, { state: 'succeeded' })
    equal(await holding(scene, ACME), [0, 0])
    await scene.command({ kind: 'retry', payload: 'x'.repeat(30) }, failed)
    equal(await holding(scene, ACME), [1, 30])
    equal(await holding(scene, DEFAULT), [1, 30])
    await scene.remove(failed)
    equal(await holding(scene, ACME), [0, 0])
  },

  'what comes back is held as before, whoever gives it back': async (scene) => {
    const worker = await scene.worker({ ttlMs: MINUTE })
    await scene.enqueueMany(3, { lane: laneOf('acme'), payload: 'x' })
    const [claim] = await worker.claim(3)
    await worker.settle(claim!, retry(MINUTE))
    equal(await holding(scene, ACME), [3, 3])
    await scene.pass(2 * MINUTE)
    const other = await scene.worker()
    await other.reclaim()
    equal(await holding(scene, ACME), [3, 3])
  },

  'a duplicate is held once, and a group that is refused not at all': async (scene) => {
    const spec = scene.spec({ payload: 'xx', lane: laneOf('acme') })
    await scene.group([spec])
    await scene.group([spec])
    equal(await holding(scene, ACME), [1, 2])
    const unknown = scene.spec({
      lane: laneOf('acme'),
      after: [{ parent: scene.id(), ifFailed: 'cancel' }],
    })
    equal((await scene.group([scene.spec({ lane: laneOf('acme') }), unknown])).outcome, 'rejected')
    equal(await holding(scene, ACME), [1, 2])
    equal(await holding(scene, DEFAULT), [1, 2])
  },

  'what replaces another is held in its place': async (scene) => {
    const unique = { key: 'k', while: 'live', then: 'replace' } as const
    await scene.enqueue({ payload: 'x', lane: laneOf('acme'), unique })
    await scene.enqueue({ payload: 'xxxx', lane: laneOf('acme'), unique })
    equal(await holding(scene, ACME), [1, 4])
  },

  'spenders tell their totals, which add up': async (scene) => {
    const { store } = scene
    const told = (spender: string, tasks: number, handlerMs: number): Promise<void> =>
      store.spend({ spender, spendings: [{ scope: ACME, window: WINDOW, tasks, handlerMs }] })
    equal((await usageOf(scene, ACME, WINDOW)).spent, NOTHING)
    await told('a', 2, 10)
    await told('a', 3, 12.5)
    await told('b', 1, 0)
    equal((await usageOf(scene, ACME, WINDOW)).spent, { tasks: 4, handlerMs: 12.5 })
    // late, or once more
    await told('a', 2, 10)
    await told('a', 3, 12.5)
    equal((await usageOf(scene, ACME, WINDOW)).spent, { tasks: 4, handlerMs: 12.5 })
    const usage = await (await scene.other()).usage([{ scope: ACME, window: WINDOW }])
    equal(only(usage.usages).spent, { tasks: 4, handlerMs: 12.5 })
  },

  'each scope and each window has its own': async (scene) => {
    const now = await scene.now()
    const next = { from: now - MINUTE, until: now + MINUTE }
    const queue = { kind: 'queue', name: 'acme' } as const
    await scene.store.spend({
      spender: 'a',
      spendings: [
        { scope: ACME, window: WINDOW, tasks: 1, handlerMs: 1 },
        { scope: ACME, window: next, tasks: 2, handlerMs: 2 },
        { scope: queue, window: WINDOW, tasks: 3, handlerMs: 3 },
      ],
    })
    equal((await usageOf(scene, ACME, WINDOW)).spent, { tasks: 1, handlerMs: 1 })
    equal((await usageOf(scene, ACME, next)).spent, { tasks: 2, handlerMs: 2 })
    equal((await usageOf(scene, queue, WINDOW)).spent, { tasks: 3, handlerMs: 3 })
    equal((await usageOf(scene, ACME)).spent, NOTHING)
    equal((await usageOf(scene, ACME, { from: next.from, until: WINDOW.until })).spent, NOTHING)
  },

  'a window that is over is forgotten': async (scene) => {
    const now = await scene.now()
    const window = { from: now - MINUTE, until: now + MINUTE }
    const spending = { scope: ACME, window, tasks: 1, handlerMs: 1 }
    await scene.store.spend({ spender: 'a', spendings: [spending] })
    await scene.store.prune({
      tasksMax: 1_000,
      retention: { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null },
    })
    equal((await usageOf(scene, ACME, window)).spent, { tasks: 1, handlerMs: 1 })
    await scene.pass(2 * MINUTE)
    await scene.store.prune({
      tasksMax: 1_000,
      retention: { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null },
    })
    equal((await usageOf(scene, ACME, window)).spent, NOTHING)
    await scene.store.spend({ spender: 'a', spendings: [spending] })
    equal((await usageOf(scene, ACME, window)).spent, NOTHING)
  },
})
