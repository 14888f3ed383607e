/** Unique keys that are held for a time from the enqueue on, whatever becomes of their tasks. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, only } from './expect.ts'
import { DAY, exhaust, HOUR, MINUTE, type Scene } from './scene.ts'
import { fail, retry, succeed } from './worker.ts'
import type { TaskId, TaskSpec, TaskState, UniqueSpec } from '../store/records.ts'

const WINDOW: UniqueSpec = { key: 'k', while: { withinMs: HOUR }, then: 'keep' }
const REJECTED: UniqueSpec = { ...WINDOW, then: 'reject' }

/** Asserts whose window of the key `k` is open. */
async function seeHolder(scene: Scene, id: TaskId, state: TaskState | 'gone'): Promise<void> {
  const by = { id, state }
  equal(only(await scene.add(scene.spec({ unique: WINDOW }))), { outcome: 'duplicate', by }, 'who keeps')
  const rejection = { code: 'unique', key: 'k', by } as const
  const answer = await scene.group([scene.spec({ unique: REJECTED })])
  equal(answer, { outcome: 'rejected', index: 0, rejection }, 'who is rejected')
}

function enqueue(scene: Scene, changes: Partial<TaskSpec> = {}): Promise<TaskId> {
  return scene.enqueue({ unique: REJECTED, ...changes })
}

const KEPT = { succeededMs: null, cancelledMs: null, failedMs: null, count: null, bytes: null }

async function prune(scene: Scene, changes: Partial<typeof KEPT | { count: number }> = {}): Promise<number> {
  const retention = { ...KEPT, ...changes }
  return exhaust(() => scene.store.prune({ tasksMax: 100, retention }), 100)
}

const lasting = cases('unique windows', {
  'a window lasts through all states and ends of its task': async (scene) => {
    const worker = await scene.worker()
    const id = await enqueue(scene)
    await scene.see(id, { uniqueKey: 'k' })
    await seeHolder(scene, id, 'pending')
    const claim = await worker.claimOne()
    await seeHolder(scene, id, 'running')
    await worker.end(claim, retry())
    await seeHolder(scene, id, 'pending')
    await worker.end(await worker.claimOne(), fail())
    await seeHolder(scene, id, 'failed')
    equal(await scene.restart(id), 'changed')
    await worker.end(await worker.claimOne(), succeed())
    await seeHolder(scene, id, 'succeeded')
  },

  'a window ends at its time, and not before': async (scene) => {
    const id = await enqueue(scene)
    const { enqueuedAt } = await scene.look(id)
    await scene.approach(enqueuedAt + HOUR, async () => {
      const answer = await scene.group([scene.spec({ unique: REJECTED })])
      const now = await scene.now()
      if (answer.outcome === 'rejected') return now
      equal(now >= enqueuedAt + HOUR, true, 'the window was over')
      return now
    })
    const answer = await scene.group([scene.spec({ unique: WINDOW })])
    equal(answer.outcome, 'added')
  },

  'after its window a task that still lives is in nobody’s way': async (scene) => {
    const first = await enqueue(scene, { held: true })
    await scene.pass(HOUR)
    const second = await enqueue(scene, { held: true })
    await seeHolder(scene, second, 'pending')
    await scene.cancel(second)
    await seeHolder(scene, second, 'cancelled')
    await scene.see(first, { state: 'pending' })
    await scene.pass(HOUR)
    await enqueue(scene)
  },

  'a newcomer that was kept away does not prolong the window': async (scene) => {
    await enqueue(scene)
    await scene.pass(HOUR - MINUTE)
    await scene.add(scene.spec({ unique: WINDOW }))
    await scene.pass(MINUTE)
    await enqueue(scene)
  },

  'an operator’s retry neither needs nor begins a window': async (scene) => {
    const first = await enqueue(scene)
    await scene.cancel(first)
    await scene.pass(HOUR)
    const second = await enqueue(scene, { held: true })
    equal(await scene.restart(first), 'changed')
    await seeHolder(scene, second, 'pending')
  },

  'each key has a window of its own, as long as its task asked for': async (scene) => {
    await enqueue(scene, { unique: { key: 'short', while: { withinMs: MINUTE }, then: 'reject' } })
    await enqueue(scene)
    await scene.pass(MINUTE)
    await enqueue(scene, { unique: { key: 'short', while: { withinMs: MINUTE }, then: 'reject' } })
    const answer = await scene.group([scene.spec({ unique: REJECTED })])
    equal(answer.outcome, 'rejected')
  },

  'windows and keys that are held by living know nothing of each other': async (scene) => {
    const live = await scene.enqueue({ unique: { key: 'k', while: 'live', then: 'reject' } })
    const windowed = await enqueue(scene)
    await seeHolder(scene, windowed, 'pending')
    const by = { id: live, state: 'pending' } as const
    const keeping = scene.spec({ unique: { key: 'k', while: 'live', then: 'keep' } })
    equal(only(await scene.add(keeping)), { outcome: 'duplicate', by })
  },

  'a window holds within one group': async (scene) => {
    const [first, second] = scene.specs(2, { unique: WINDOW })
    const by = { id: first!.id, state: 'pending' } as const
    equal(await scene.add(first!, second!), [{ outcome: 'created' }, { outcome: 'duplicate', by }])
  },

  'a newcomer that ends at once has its window all the same': async (scene) => {
    const parent = await scene.enqueue()
    await scene.cancel(parent)
    const id = await enqueue(scene, { after: [{ parent, ifFailed: 'cancel' }] })
    await scene.deliver()
    await seeHolder(scene, id, 'cancelled')
  },
})

const forgetting = cases('unique windows', {
  'a window outlasts the task that was removed, which its tombstone still tells of': async (scene) => {
    const id = await enqueue(scene)
    equal(await scene.remove(id), 'changed')
    await seeHolder(scene, id, 'cancelled')
  },

  'a window outlasts all else that is known of its task': async (scene) => {
    const worker = await scene.worker()
    const id = await enqueue(scene)
    await worker.end(await worker.claimOne())
    await scene.pass(20 * MINUTE)
    await prune(scene, { count: 0 })
    await scene.gone(id)
    await seeHolder(scene, id, 'gone')
    const child = scene.spec({ unique: WINDOW })
    const waiting = scene.spec({ after: [{ parent: child.id, ifFailed: 'run' }] })
    const rejection = { code: 'unknown-parent', parent: id } as const
    equal(await scene.group([child, waiting]), { outcome: 'rejected', index: 1, rejection })
    await scene.pass(40 * MINUTE)
    await enqueue(scene)
  },

  'the repeat of a forgotten request is told of its own window': async (scene) => {
    const spec = scene.spec({ unique: REJECTED })
    await scene.add(spec)
    await scene.remove(spec.id)
    await scene.pass(20 * MINUTE)
    await prune(scene)
    const by = { id: spec.id, state: 'gone' } as const
    const rejection = { code: 'unique', key: 'k', by } as const
    equal(await scene.group([spec]), { outcome: 'rejected', index: 0, rejection })
  },

  'windows that are over are pruned, so many a call': async (scene) => {
    const specs = Array.from({ length: 5 }, (_, n) =>
      scene.spec({ held: true, unique: { key: `k${n}`, while: { withinMs: MINUTE }, then: 'keep' } }),
    )
    await scene.addAll(specs)
    await enqueue(scene, { held: true })
    equal(await prune(scene), 0)
    await scene.pass(MINUTE)
    const first = await scene.store.prune({ tasksMax: 2, retention: KEPT })
    equal(first, { changed: 2, more: true })
    equal(await prune(scene), 3)
    await scene.pass(DAY)
    equal(await prune(scene), 1)
  },

  'what a gate never let out takes its window along': async (scene) => {
    const spec = scene.spec({ unique: REJECTED })
    await scene.addAll([spec], { gate: scene.id() })
    equal((await scene.group([scene.spec({ unique: REJECTED })])).outcome, 'rejected')
    equal(await scene.remove(spec.id), 'changed')
    const again = scene.spec({ unique: { ...REJECTED, while: { withinMs: DAY } } })
    await scene.addAll([again], { gate: scene.id() })
    await scene.pass(HOUR)
    await scene.sweep()
    await scene.gone(again.id)
    await enqueue(scene)
  },

  'what a gate let out leaves its window behind': async (scene) => {
    const gate = scene.id()
    const spec = scene.spec({ unique: REJECTED })
    await scene.addAll([spec], { gate })
    await scene.store.openGate(gate)
    await scene.deliver()
    equal(await scene.remove(spec.id), 'changed')
    await seeHolder(scene, spec.id, 'cancelled')
  },
})

export const uniqueWindowCases: readonly ConformanceCase[] = [...lasting, ...forgetting]
