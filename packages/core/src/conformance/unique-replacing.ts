/** Newcomers that take the place of who holds their key. */
import { InvalidArgumentError } from '../task/errors.ts'
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, matches, only } from './expect.ts'
import { HOUR, type Scene } from './scene.ts'
import { retry } from './worker.ts'
import type { AddVerdict } from '../store/port.ts'
import type { TaskId, TaskSpec, TaskState, UniqueSpec } from '../store/records.ts'

const HOLDS: readonly UniqueSpec['while'][] = ['live', 'waiting', { withinMs: HOUR }]

function replacing(held: UniqueSpec['while'] = 'live'): UniqueSpec {
  return { key: 'k', while: held, then: 'replace' }
}

function named(held: UniqueSpec['while']): string {
  return typeof held === 'object' ? 'within a window' : `while ${held}`
}

function replaced(previous: TaskId): AddVerdict {
  return { outcome: 'replaced', previous }
}

async function seeReplaced(scene: Scene, id: TaskId, by: TaskId): Promise<void> {
  const { history, cancel } = await scene.look(id)
  await scene.see(id, { state: 'cancelled', session: null, blockers: 0 })
  equal(cancel?.reason, 'replaced')
  matches(history.at(-1)!, { event: 'cancelled', detail: `replaced by ${by}`, session: null })
}

async function seeRefused(
  scene: Scene,
  unique: UniqueSpec,
  by: { id: TaskId; state: TaskState | 'gone' },
): Promise<void> {
  const rejection = { code: 'unique', key: 'k', by } as const
  const newcomer = scene.spec({ unique })
  equal(await scene.group([newcomer]), { outcome: 'rejected', index: 0, rejection })
  await scene.gone(newcomer.id)
}

const modes: readonly ConformanceCase[] = HOLDS.flatMap((held) =>
  cases('unique replace', {
    [`a newcomer takes the place of one that waits, ${named(held)}`]: async (scene) => {
      const unique = replacing(held)
      const worker = await scene.worker()
      const first = scene.spec({ unique })
      equal(await scene.add(first), [{ outcome: 'created' }])
      const second = scene.spec({ unique })
      equal(await scene.add(second), [replaced(first.id)])
      await seeReplaced(scene, first.id, second.id)
      await scene.see(second.id, { state: 'pending', uniqueKey: 'k' })
      const claim = await worker.claimOne()
      equal(claim.id, second.id)
      equal(await worker.claim(5), [], 'the replaced one')
    },

    [`blocked, scheduled, held and returned ones are replaced, ${named(held)}`]: async (scene) => {
      const unique = replacing(held)
      const worker = await scene.worker()
      const parent = await scene.enqueue({ held: true })
      const ways: readonly Partial<TaskSpec>[] = [
        { after: [{ parent, ifFailed: 'run' }] },
        { due: { inMs: HOUR } },
        { held: true },
        {},
      ]
      let previous: TaskId | null = null
      for (const way of ways) {
        const spec = scene.spec({ unique, ...way })
        equal(await scene.add(spec), [previous === null ? { outcome: 'created' } : replaced(previous)])
        if (previous !== null) await seeReplaced(scene, previous, spec.id)
        previous = spec.id
      }
      await worker.end(await worker.claimOne(), retry())
      const last = scene.spec({ unique })
      equal(await scene.add(last), [replaced(previous!)])
    },

    [`repeated it answers the same, and replaces nothing twice, ${named(held)}`]: async (scene) => {
      const unique = replacing(held)
      const first = scene.spec({ unique })
      await scene.add(first)
      const second = scene.spec({ unique })
      await scene.add(second)
      equal(await scene.group([second]), { outcome: 'added', tasks: [replaced(first.id)] })
      const third = scene.spec({ unique })
      await scene.add(third)
      equal(await scene.group([second]), { outcome: 'added', tasks: [replaced(first.id)] })
      await scene.see(third.id, { state: 'pending' })
      equal((await scene.look(third.id)).history.length, 1, 'entries of the third')
    },
  }),
)

const refused = cases('unique replace', {
  'a holder that runs is not replaced': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ unique: replacing() })
    await worker.claimOne()
    await seeRefused(scene, replacing(), { id, state: 'running' })
  },

  'what has started, ended or gone keeps its window': async (scene) => {
    const unique = replacing({ withinMs: HOUR })
    const worker = await scene.worker()
    const id = await scene.enqueue({ unique })
    const claim = await worker.claimOne()
    await seeRefused(scene, unique, { id, state: 'running' })
    await worker.end(claim)
    await seeRefused(scene, unique, { id, state: 'succeeded' })
    await scene.remove(id)
    await seeRefused(scene, unique, { id, state: 'succeeded' })
    await scene.pass(HOUR / 2)
    await seeRefused(scene, unique, { id, state: 'gone' })
    await scene.pass(HOUR / 2)
    equal(await scene.add(scene.spec({ unique })), [{ outcome: 'created' }])
  },

  'nothing is replaced behind a gate': async (scene) => {
    const id = await scene.enqueue({ unique: replacing() })
    const groups = [{ tasks: [scene.spec({ unique: replacing() })], under: null, gate: scene.id() }]
    const error = await scene.store.add({ groups, again: false }).catch((thrown: unknown) => thrown)
    holds(error instanceof InvalidArgumentError, 'it was not refused')
    await scene.see(id, { state: 'pending' })
  },

  'a group that is refused replaces nothing': async (scene) => {
    const id = await scene.enqueue({ unique: replacing() })
    const orphan = scene.spec({ after: [{ parent: scene.id(), ifFailed: 'run' }] })
    const answer = await scene.group([scene.spec({ unique: replacing() }), orphan])
    equal(answer.outcome, 'rejected')
    await scene.see(id, { state: 'pending' })
  },
})

const around = cases('unique replace', {
  'a window begins anew with who takes the place': async (scene) => {
    const unique = replacing({ withinMs: HOUR })
    await scene.enqueue({ unique, held: true })
    await scene.pass(HOUR / 2)
    const second = await scene.enqueue({ unique, held: true })
    await scene.pass(HOUR / 2)
    const keeping = scene.spec({ unique: { ...unique, then: 'keep' } })
    equal(only(await scene.add(keeping)), { outcome: 'duplicate', by: { id: second, state: 'pending' } })
    await scene.pass(HOUR / 2)
    equal(only(await scene.add(scene.spec({ unique }))), { outcome: 'created' })
    await scene.see(second, { state: 'pending' })
  },

  'of several in one group the last one stays': async (scene) => {
    const specs = scene.specs(3, { unique: replacing() })
    const [first, second, third] = specs.map(({ id }) => id)
    equal(await scene.addAll(specs), [{ outcome: 'created' }, replaced(first!), replaced(second!)])
    await seeReplaced(scene, first!, second!)
    await seeReplaced(scene, second!, third!)
    await scene.see(third!, { state: 'pending' })
  },

  'of several in one request the last one stays': async (scene) => {
    const specs = scene.specs(3, { unique: replacing('waiting') })
    const answers = await scene.addGroups(specs.map((spec) => ({ tasks: [spec] })))
    const [first, second, third] = specs.map(({ id }) => id)
    equal(
      answers.map((answer) => answer.outcome === 'added' && only(answer.tasks)),
      [{ outcome: 'created' }, replaced(first!), replaced(second!)],
    )
    await scene.seeAll([first!, second!], 'cancelled')
    await scene.see(third!, { state: 'pending' })
  },

  'a duplicate of what a task behind it replaces is answered with the state that it gets': async (scene) => {
    const holder = await scene.enqueue({ unique: replacing() })
    const kept = scene.spec({ unique: { ...replacing(), then: 'keep' } })
    const newcomer = scene.spec({ unique: replacing() })
    equal(await scene.add(kept, newcomer), [
      { outcome: 'duplicate', by: { id: holder, state: 'cancelled' } },
      replaced(holder),
    ])
  },

  'who waits for what is replaced sees it cancelled': async (scene) => {
    const holder = await scene.enqueue({ unique: replacing() })
    const cancelled = await scene.enqueue({ after: [{ parent: holder, ifFailed: 'cancel' }] })
    const failed = await scene.enqueue({ after: [{ parent: holder, ifFailed: 'fail' }] })
    const running = scene.spec({ after: [{ parent: holder, ifFailed: 'run' }] })
    await scene.addAll([running, scene.spec({ unique: replacing() })])
    await scene.deliver()
    await scene.see(cancelled, { state: 'cancelled' })
    await scene.see(failed, { state: 'failed', reason: 'dependency' })
    await scene.see(running.id, { state: 'pending' })
  },

  'who comes behind what was replaced in its own group sees it cancelled': async (scene) => {
    const [first, second] = scene.specs(2, { unique: replacing() })
    const child = scene.spec({ after: [{ parent: first!.id, ifFailed: 'cancel' }] })
    const other = scene.spec({ after: [{ parent: second!.id, ifFailed: 'cancel' }] })
    await scene.addAll([first!, child, second!, other])
    await scene.deliver()
    await scene.see(child.id, { state: 'cancelled' })
    await scene.see(other.id, { state: 'blocked' })
  },

  'what ends with a replaced task frees its key for the next group': async (scene) => {
    const holder = await scene.enqueue({ unique: replacing() })
    const unique = { key: 'other', while: 'live', then: 'reject' } as const
    await scene.enqueue({ unique, after: [{ parent: holder, ifFailed: 'cancel' }] })
    const answers = await scene.addGroups([
      { tasks: [scene.spec({ unique: replacing() })] },
      { tasks: [scene.spec({ unique })] },
    ])
    equal(
      answers.map((answer) => answer.outcome === 'added' && only(answer.tasks).outcome),
      ['replaced', 'created'],
    )
  },

  'a newcomer may wait for whom it replaces, and ends with it': async (scene) => {
    const holder = await scene.enqueue({ unique: replacing() })
    const newcomer = scene.spec({ unique: replacing(), after: [{ parent: holder, ifFailed: 'cancel' }] })
    equal(await scene.add(newcomer), [replaced(holder)])
    await scene.deliver()
    await scene.see(newcomer.id, { state: 'cancelled' })
    equal(await scene.add(scene.spec({ unique: replacing() })), [{ outcome: 'created' }])
  },

  'a holder behind a gate is replaced, and the rest of its graph goes on': async (scene) => {
    const gate = scene.id()
    const [holder, neighbour] = [scene.spec({ unique: { ...replacing(), then: 'keep' } }), scene.spec()]
    await scene.addAll([holder, neighbour], { gate })
    const newcomer = scene.spec({ unique: replacing() })
    equal(await scene.add(newcomer), [replaced(holder.id)])
    equal(await scene.store.openGate(gate), 'open')
    await scene.deliver()
    await scene.see(holder.id, { state: 'cancelled' })
    await scene.see(neighbour.id, { state: 'pending' })
    await scene.see(newcomer.id, { state: 'pending' })
  },

  'a replaced task can start over, once the key is free': async (scene) => {
    const first = await scene.enqueue({ unique: replacing() })
    const second = await scene.enqueue({ unique: replacing() })
    equal(await scene.restart(first), 'key-held')
    await scene.cancel(second)
    equal(await scene.restart(first), 'changed')
    await scene.see(first, { state: 'pending', cancel: null })
  },

  'a task whose id a user gave is a duplicate when it comes again': async (scene) => {
    const unique = replacing()
    await scene.enqueue({ unique })
    const spec = scene.spec({ unique, idMadeBy: 'user' })
    await scene.add(spec)
    const by = { id: spec.id, state: 'pending' }
    equal(await scene.group([spec]), { outcome: 'added', tasks: [{ outcome: 'duplicate', by }] })
  },
})

export const uniqueReplacingCases: readonly ConformanceCase[] = [...modes, ...refused, ...around]
