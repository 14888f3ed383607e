/** Commands over all tasks that match a filter, page by page. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, sameMembers } from './expect.ts'
import { NO_COUNTS, type Scene } from './scene.ts'
import { fail, succeed, idsOf } from './worker.ts'
import type { Command, TaskFilter } from '../store/control.ts'
import type { TaskId, TaskSpec } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

interface Sweep {
  readonly matched: number
  readonly changed: number
}

const CANCEL: Command = { kind: 'cancel', reason: null }
const RETRY: Command = { kind: 'retry', payload: null }

interface Order {
  readonly command: Command
  readonly filter: TaskFilter
  readonly tasksMax: number
  /** Called between pages. */
  readonly meanwhile?: () => Promise<void>
}

/** Gives a command page by page until its end. */
async function giveAll(scene: Scene, { command, filter, tasksMax, meanwhile }: Order): Promise<Sweep> {
  const nonce = scene.nonce()
  let [matched, changed] = [0, 0]
  let cursor: string | null = null
  for (let pages = 0; pages < 1_000; pages++) {
    const answer = await scene.store.command({ nonce, command, target: { filter, cursor }, tasksMax })
    holds(answer.matched <= tasksMax, `a page matched ${answer.matched} tasks, ${tasksMax} were allowed`)
    holds(answer.changed <= answer.matched, 'more was changed than matched')
    equal(answer.outcomes, [], 'the outcomes of a filter')
    matched += answer.matched
    changed += answer.changed
    if (answer.cursor === null) return { matched, changed }
    cursor = answer.cursor
    await meanwhile?.()
  }
  throw new Error('the command never comes to an end')
}

async function failed(
  scene: Scene,
  count: number,
  changes: Partial<TaskSpec> = {},
): Promise<readonly TaskId[]> {
  const worker = await scene.worker()
  const ids = await scene.enqueueMany(count, changes)
  const claims = await worker.claim(count)
  await worker.exchange({ settlements: claims.map((claim) => worker.settlement(claim, fail())) })
  return ids
}

export const filterCases: readonly ConformanceCase[] = cases('filters', {
  'a command over a filter reaches all that match, in pages': async (scene) => {
    const ids = await scene.enqueueMany(25)
    const others = await scene.enqueueMany(5, { queue: 'other' })
    const sum = await giveAll(scene, { command: CANCEL, filter: { queue: 'default' }, tasksMax: 10 })
    equal(sum, { matched: 25, changed: 25 })
    await scene.seeAll(ids, 'cancelled')
    await scene.seeAll(others, 'pending')
  },

  'a page may be as small as one task': async (scene) => {
    const ids = await scene.enqueueMany(5)
    equal(await giveAll(scene, { command: { kind: 'hold' }, filter: {}, tasksMax: 1 }), {
      matched: 5,
      changed: 5,
    })
    for (const id of ids) await scene.see(id, { held: true })
  },

  'an empty filter matches everything, and leaves alone what it may not change': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(2)
    const [succeeded] = await worker.claim(1)
    await worker.end(succeeded!, succeed())
    const running = await worker.claimOne()
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ after: [{ parent, ifFailed: 'run' }], held: true })
    const sum = await giveAll(scene, { command: CANCEL, filter: {}, tasksMax: 100 })
    equal(sum, { matched: 4, changed: 3 })
    await scene.seeAll([parent, child], 'cancelled')
    await scene.seeAll([running.id], 'running')
    equal((await scene.look(running.id)).cancel?.reason, null)
    await scene.seeAll([succeeded!.id], 'succeeded')
  },

  'members of a filter are combined with and': async (scene) => {
    const wanted = scene.spec({ queue: 'q', type: 't', tags: ['x', 'a'] })
    await scene.addAll([
      wanted,
      scene.spec({ queue: 'q', type: 't', tags: ['b'] }),
      scene.spec({ queue: 'q', type: 'u', tags: ['a'] }),
      scene.spec({ queue: 'p', type: 't', tags: ['a'] }),
      scene.spec({ queue: 'q', type: 't', tags: ['aa', 'A'] }),
      scene.spec({ queue: 'q', type: 't', tags: ['a'], held: true }),
    ])
    const filter = { states: ['pending', 'blocked'], queue: 'q', type: 't', tag: 'a' } as const
    const sum = await giveAll(scene, {
      command: { kind: 'edit', payload: null, level: 0, runAt: null },
      filter,
      tasksMax: 100,
    })
    equal(sum, { matched: 2, changed: 2 })
    await scene.see(wanted.id, { level: 0 })
  },

  'a command over metadata or a text leaves all others alone': async (scene) => {
    const [wanted, named, other] = await Promise.all([
      scene.enqueue({ metadata: { tenant: 'a' } }),
      scene.enqueue({ type: 'Tenants' }),
      scene.enqueue({ metadata: { tenant: 'b' } }),
    ])
    const held = { kind: 'hold' } as const
    const filter = { metadata: { tenant: 'a' } }
    equal(await giveAll(scene, { command: held, filter, tasksMax: 2 }), { matched: 1, changed: 1 })
    const text = { text: 'tenant', states: ['pending'] } as const
    equal(await giveAll(scene, { command: CANCEL, filter: text, tasksMax: 2 }), { matched: 1, changed: 1 })
    await scene.see(wanted, { state: 'pending', held: true })
    await scene.see(named, { state: 'cancelled' })
    await scene.see(other, { state: 'pending', held: false })
  },

  'a text in the error of failed tasks starts those over': async (scene) => {
    const worker = await scene.worker()
    const ids = await scene.enqueueMany(6)
    const claims = await worker.claim(6)
    const failing = (message: string): Transition => ({
      to: 'failed',
      count: 'failure',
      reason: 'error',
      error: { name: 'Error', message, code: null, stack: null },
    })
    const settlements = claims.map((claim, n) => {
      return worker.settlement(claim, failing(n % 2 === 0 ? 'a Timeout of A' : 'no such file'))
    })
    await worker.exchange({ settlements })
    await scene.pass(1_000)
    const filter = { states: ['failed'], text: 'timeout' } as const
    equal(await giveAll(scene, { command: RETRY, filter, tasksMax: 2 }), { matched: 3, changed: 3 })
    const states = await Promise.all(ids.map(async (id) => (await scene.look(id)).state))
    equal(states.filter((state) => state === 'pending').length, 3)
  },

  'members that are undefined match everything': async (scene) => {
    await scene.enqueueMany(3)
    const filter = { states: undefined, queue: undefined, type: undefined, tag: undefined }
    equal(await giveAll(scene, { command: { kind: 'hold' }, filter, tasksMax: 10 }), {
      matched: 3,
      changed: 3,
    })
  },

  'no state matches nothing': async (scene) => {
    await scene.enqueueMany(3)
    const filter = { states: [] }
    equal(await giveAll(scene, { command: CANCEL, filter, tasksMax: 10 }), { matched: 0, changed: 0 })
  },

  'all failed tasks of a queue start over once': async (scene) => {
    const ids = await failed(scene, 12)
    await scene.pass(1_000)
    const filter = { states: ['failed'], queue: 'default' } as const
    equal(await giveAll(scene, { command: RETRY, filter, tasksMax: 5 }), { matched: 12, changed: 12 })
    for (const id of ids) await scene.see(id, { state: 'pending', counters: { ...NO_COUNTS, generation: 1 } })
  },

  'what came into its state after the first call does not match': async (scene) => {
    const worker = await scene.worker()
    const ids = await failed(scene, 6)
    const late = await scene.enqueueMany(1, { queue: 'late' })
    await scene.pass(1_000)
    const meanwhile = async (): Promise<void> => {
      await scene.pass(1_000)
      const queues = ['default', 'late'].map(
        (queue) => ({ queue, slots: [0, 0, 0, 0, 0], tasksMax: 10 }) as const,
      )
      for (const claim of await worker.claim(20, { queues })) await worker.end(claim, fail())
      await scene.pass(1_000)
    }
    const filter = { states: ['failed'] } as const
    const sum = await giveAll(scene, { command: RETRY, filter, tasksMax: 2, meanwhile })
    equal(sum, { matched: 6, changed: 6 })
    for (const id of ids) equal((await scene.look(id)).counters.generation, 1, 'the generation')
    await scene.seeAll(late, 'failed')
  },

  'a removal over a filter ends, and removes all': async (scene) => {
    const ids = await failed(scene, 30)
    const kept = await scene.enqueueMany(3)
    await scene.pass(1_000)
    const filter = { states: ['failed', 'cancelled', 'succeeded'] } as const
    const sum = await giveAll(scene, { command: { kind: 'remove' }, filter, tasksMax: 7 })
    equal(sum, { matched: 30, changed: 30 })
    equal(
      await scene.store.get(ids),
      ids.map(() => null),
    )
    await scene.seeAll(kept, 'pending')
  },

  'a cascade of a cancelled crowd is delivered': async (scene) => {
    const parents = await scene.enqueueMany(20)
    const children = parents.map((parent) => scene.spec({ after: [{ parent, ifFailed: 'fail' }] }))
    await scene.addAll(children)
    await giveAll(scene, { command: CANCEL, filter: { states: ['pending'] }, tasksMax: 6 })
    await scene.deliver()
    await scene.seeAll(parents, 'cancelled')
    await scene.seeAll(
      children.map((child) => child.id),
      'failed',
    )
  },

  'a repeated page changes nothing twice': async (scene) => {
    const ids = await failed(scene, 10)
    await scene.pass(1_000)
    const nonce = scene.nonce()
    const target = { filter: { states: ['failed'] }, cursor: null } as const
    const request = { nonce, command: RETRY, target, tasksMax: 100 }
    equal((await scene.store.command(request)).changed, 10)
    const worker = await scene.worker()
    for (const claim of await worker.claim(10)) await worker.end(claim, fail())
    await scene.store.command(request)
    for (const id of ids) equal((await scene.look(id)).counters.generation, 1, 'the generation')
  },

  'running tasks that match are asked to stop': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(3)
    const claims = await worker.claim(3)
    const command = { kind: 'cancel', reason: 'stop' } as const
    const sum = await giveAll(scene, { command, filter: { states: ['running'] }, tasksMax: 2 })
    equal(sum, { matched: 3, changed: 3 })
    const { cancelled } = await worker.hold(...claims)
    sameMembers(
      cancelled.map(({ fence }) => fence.task),
      idsOf(claims),
    )
  },
})
