/** Schedules: each fire time is taken once, and what it does to the last run is part of taking it. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, present } from './expect.ts'
import { MINUTE, type Scene } from './scene.ts'
import type { Overlap, ScheduleRecord, SchedulePut, Tick, TickAnswer } from '../store/schedules.ts'
import type { TaskId, TaskSpec } from '../store/records.ts'

const STALE: TickAnswer = { outcome: 'stale' }
const CREATED = { outcome: 'created' } as const

/** Puts a new schedule, which must be taken; it is due now unless told otherwise. */
async function put(scene: Scene, changes: Partial<SchedulePut> = {}): Promise<ScheduleRecord> {
  const nextAt = await scene.now()
  const request = { name: 'nightly', ifVersion: null, plan: '{}', paused: false, nextAt, ...changes }
  const answer = await scene.store.putSchedule(request)
  equal(answer.outcome, 'put', 'the new schedule')
  return look(scene, request.name)
}

async function look(scene: Scene, name = 'nightly'): Promise<ScheduleRecord> {
  return present(await scene.store.schedule(name), `the schedule ${name}`)
}

/** The turn of a schedule as it stands: one run, and the next one in a minute. */
function turn(scene: Scene, row: ScheduleRecord, changes: Partial<Tick> = {}): Tick {
  const fireAt = row.nextAt ?? 0
  const tasks = [scene.spec({ idMadeBy: 'user' })]
  const { name, version } = row
  return {
    name,
    version,
    fireAt,
    nextAt: fireAt + MINUTE,
    lastAt: fireAt,
    tasks,
    overlap: 'allow',
    ...changes,
  }
}

/** Lets the schedule fire when it is due; the run must have been enqueued. */
async function fire(scene: Scene, changes: Partial<Tick> = {}): Promise<TaskId> {
  const row = await look(scene)
  await scene.passTo(row.nextAt ?? 0)
  const request = turn(scene, row, changes)
  equal((await scene.store.tick(request)).outcome, 'ticked', 'the tick')
  return request.tasks.at(-1)!.id
}

/** Lets the schedule fire while its last run lives. */
async function meet(
  scene: Scene,
  overlap: Overlap,
): Promise<{ last: TaskId; answer: TickAnswer; run: TaskSpec }> {
  const last = present((await look(scene)).lastTask, 'the last run')
  const row = await look(scene)
  await scene.passTo(row.nextAt ?? 0)
  const request = turn(scene, row, { overlap })
  return { last, answer: await scene.store.tick(request), run: request.tasks[0]! }
}

const keeping = cases('schedules', {
  'a schedule is what was put': async (scene) => {
    const plan = JSON.stringify({ text: 'ü'.repeat(2_000) })
    const row = await put(scene, { plan, paused: true, nextAt: 7 })
    const { version } = row
    equal(row, { name: 'nightly', version, plan, paused: true, nextAt: 7, lastAt: null, lastTask: null })
    equal(await scene.store.schedule('none'), null)
  },

  'a schedule is changed only by who has seen its latest version': async (scene) => {
    const { version } = await put(scene)
    const change = { name: 'nightly', plan: '{"new":1}', paused: false, nextAt: 5 }
    const unseen = await scene.store.putSchedule({ ...change, ifVersion: null })
    equal(unseen, { outcome: 'conflict', version })
    const changed = await scene.store.putSchedule({ ...change, ifVersion: version })
    const latest = (await look(scene)).version
    equal(changed, { outcome: 'put', version: latest })
    holds(latest !== version, 'the version of a change is the one before')
    const late = await scene.store.putSchedule({ ...change, ifVersion: version })
    equal(late, { outcome: 'conflict', version: latest })
    const gone = await scene.store.putSchedule({ ...change, name: 'none', ifVersion: version })
    equal(gone, { outcome: 'conflict', version: null })
    equal(await scene.store.schedule('none'), null)
  },

  'a change may leave the next fire as it is at that moment': async (scene) => {
    const { version, nextAt } = await put(scene)
    await fire(scene)
    const change = { name: 'nightly', ifVersion: version, plan: '{}', paused: true, nextAt: 'keep' } as const
    equal((await scene.store.putSchedule(change)).outcome, 'put')
    equal((await look(scene)).nextAt, nextAt! + MINUTE)
    equal((await put(scene, { name: 'new', nextAt: 'keep' })).nextAt, null)
  },

  'a change leaves what ran last': async (scene) => {
    const { version } = await put(scene)
    const id = await fire(scene)
    const { lastAt } = await look(scene)
    await scene.store.putSchedule({
      name: 'nightly',
      ifVersion: version,
      plan: '{}',
      paused: false,
      nextAt: null,
    })
    const row = await look(scene)
    equal([row.lastAt, row.lastTask, row.nextAt], [lastAt, id, null])
  },

  'schedules are listed by name': async (scene) => {
    for (const name of ['b', 'a.2', 'B', 'a', 'c']) await put(scene, { name })
    const names = async (after: string | null, limit: number): Promise<readonly string[]> =>
      (await scene.store.schedules({ after, limit })).map(({ name }) => name)
    equal(await names(null, 3), ['B', 'a', 'a.2'])
    equal(await names('a.2', 3), ['b', 'c'])
    equal(await names('c', 3), [])
  },

  'a schedule that was removed is gone, and its version with it': async (scene) => {
    const { version } = await put(scene)
    equal(await scene.store.removeSchedule('nightly'), 'removed')
    equal(await scene.store.removeSchedule('nightly'), 'unknown')
    equal(await scene.store.schedule('nightly'), null)
    equal((await scene.store.dueSchedules({ max: 10 })).due, [])
    equal(await scene.store.schedules({ after: null, limit: 10 }), [])
    const again = await put(scene)
    holds(again.version !== version, 'a version came twice')
    equal([again.lastAt, again.lastTask], [null, null])
  },
})

const due = cases('schedules', {
  'a schedule is due at the very millisecond, unless it is paused or over': async (scene) => {
    const at = (await scene.now()) + MINUTE
    await put(scene, { name: 'soon', nextAt: at })
    await put(scene, { name: 'paused', nextAt: 1, paused: true })
    await put(scene, { name: 'over', nextAt: null })
    const before = await scene.store.dueSchedules({ max: 10 })
    equal(before.due, [])
    equal(before.nextInMs, at - before.now)
    await scene.approach(at, async () => {
      const { now, due: found } = await scene.store.dueSchedules({ max: 10 })
      equal(
        found.map(({ name }) => name),
        now >= at ? ['soon'] : [],
        `due at ${now - at}`,
      )
      return now
    })
    equal((await scene.store.dueSchedules({ max: 10 })).nextInMs, null)
  },

  'the longest overdue comes first': async (scene) => {
    const now = await scene.now()
    for (const [name, ago] of Object.entries({ a: 10, b: 30, c: 20 }))
      await put(scene, { name, nextAt: now - ago })
    const some = await scene.store.dueSchedules({ max: 2 })
    equal(
      some.due.map(({ name }) => name),
      ['b', 'c'],
    )
    equal(some.nextInMs, 0)
  },

  'nothing is in sight where there is no schedule': async (scene) => {
    const { due: found, nextInMs } = await scene.store.dueSchedules({ max: 10 })
    equal([found, nextInMs], [[], null])
  },
})

const ticking = cases('schedules', {
  'a tick enqueues the runs and advances the schedule': async (scene) => {
    const row = await put(scene)
    const tasks = scene.specs(2, { idMadeBy: 'user' })
    const request = turn(scene, row, { tasks })
    equal(await scene.store.tick(request), { outcome: 'ticked', tasks: [CREATED, CREATED] })
    await scene.seeAll(
      tasks.map(({ id }) => id),
      'pending',
    )
    const { nextAt, lastAt, fireAt } = { ...request }
    equal(await look(scene), { ...row, nextAt, lastAt, lastTask: tasks[1]!.id })
    equal(lastAt, fireAt)
  },

  'a fire time is taken once': async (scene) => {
    const request = turn(scene, await put(scene))
    equal((await scene.store.tick(request)).outcome, 'ticked')
    equal(await scene.store.tick(request), STALE)
    equal(await scene.store.tick({ ...request, tasks: [scene.spec()] }), STALE)
    equal((await scene.store.list({ filter: {}, limit: 10, cursor: null })).tasks.length, 1)
  },

  'a fire time is taken once by many at a time': async (scene) => {
    const other = await scene.other()
    const row = await put(scene)
    const requests = Array.from({ length: 10 }, () => turn(scene, row))
    const ticks = requests.map((request, index) => (index % 2 === 0 ? scene.store : other).tick(request))
    const outcomes = (await Promise.all(ticks)).map(({ outcome }) => outcome)
    equal(outcomes.filter((outcome) => outcome === 'ticked').length, 1)
    equal(outcomes.filter((outcome) => outcome === 'stale').length, 9)
  },

  'a tick does nothing to a schedule that is not as it says': async (scene) => {
    const row = await put(scene)
    const request = turn(scene, row)
    equal(await scene.store.tick({ ...request, name: 'none' }), STALE, 'unknown')
    equal(await scene.store.tick({ ...request, version: row.version + 1 }), STALE, 'another version')
    equal(await scene.store.tick({ ...request, fireAt: request.fireAt - 1 }), STALE, 'another fire time')
    const change = { name: 'nightly', plan: '{}', nextAt: 'keep' } as const
    await scene.store.putSchedule({ ...change, ifVersion: row.version, paused: true })
    const { version } = await look(scene)
    equal(await scene.store.tick({ ...request, version }), STALE, 'paused')
    await scene.gone(request.tasks[0]!.id)
  },

  'a tick does nothing before its time': async (scene) => {
    const fireAt = (await scene.now()) + MINUTE
    const row = await put(scene, { nextAt: fireAt })
    const request = turn(scene, row)
    equal(await scene.store.tick(request), STALE)
    await scene.passTo(fireAt)
    equal((await scene.store.tick(request)).outcome, 'ticked')
  },

  'a run that is there already is a duplicate, and the schedule advances': async (scene) => {
    const row = await put(scene)
    const request = turn(scene, row)
    const { id } = request.tasks[0]!
    await scene.add(request.tasks[0]!)
    const by = { id, state: 'pending' } as const
    equal(await scene.store.tick(request), { outcome: 'ticked', tasks: [{ outcome: 'duplicate', by }] })
    equal((await look(scene)).lastTask, id)
  },

  'the run that kept a newcomer away is the last run': async (scene) => {
    const unique = { key: 'k', while: 'live', then: 'keep' } as const
    const holder = await scene.enqueue({ unique })
    await put(scene)
    await fire(scene, { tasks: [scene.spec({ unique, idMadeBy: 'user' })] })
    equal((await look(scene)).lastTask, holder)
  },

  'a run that replaced the holder of its key is the last run, however they were to meet': async (scene) => {
    const unique = { key: 'k', while: 'live', then: 'replace' } as const
    await put(scene)
    let previous = await fire(scene, { tasks: [scene.spec({ unique, idMadeBy: 'user' })] })
    for (const overlap of ['allow', 'queue', 'replace'] as const) {
      const row = await look(scene)
      await scene.passTo(row.nextAt ?? 0)
      const run = scene.spec({ unique, idMadeBy: 'user' })
      const answer = await scene.store.tick(turn(scene, row, { tasks: [run], overlap }))
      equal(answer, { outcome: 'ticked', tasks: [{ outcome: 'replaced', previous }] }, overlap)
      equal((await look(scene)).lastTask, run.id, overlap)
      const { state, cancel } = await scene.look(previous)
      equal([state, cancel?.reason], ['cancelled', 'replaced'], overlap)
      await scene.see(run.id, { state: 'pending' })
      previous = run.id
    }
  },

  'runs that are refused leave the schedule as it is': async (scene) => {
    const row = await put(scene)
    const request = turn(scene, row)
    const { id } = request.tasks[0]!
    await scene.enqueue({ id, digest: 'another digest!!', idMadeBy: 'user' })
    const rejection = { code: 'conflict', id } as const
    equal(await scene.store.tick(request), { outcome: 'rejected', index: 0, rejection })
    equal(await look(scene), row)
  },

  'a turn without runs only advances': async (scene) => {
    await put(scene)
    const id = await fire(scene)
    const { lastAt, nextAt, ...row } = await look(scene)
    await scene.passTo(nextAt!)
    const request = turn(scene, { ...row, lastAt, nextAt }, { tasks: [], lastAt: null, nextAt: null })
    equal(await scene.store.tick(request), { outcome: 'ticked', tasks: [] })
    equal(await look(scene), { ...row, nextAt: null, lastAt, lastTask: id })
  },

  'a run may be due later': async (scene) => {
    await put(scene)
    const runAt = (await scene.now()) + MINUTE
    const id = await fire(scene, { tasks: [scene.spec({ idMadeBy: 'user', due: { at: runAt } })] })
    await scene.see(id, { runAt })
    const worker = await scene.worker()
    equal(await worker.claim(1), [])
  },
})

const overlapping = cases('schedules', {
  'runs may be side by side': async (scene) => {
    await put(scene)
    const last = await fire(scene)
    const { answer, run } = await meet(scene, 'allow')
    equal(answer, { outcome: 'ticked', tasks: [CREATED] })
    await scene.seeAll([last, run.id], 'pending')
  },

  'a run is skipped while the last one lives': async (scene) => {
    const worker = await scene.worker()
    const row = await put(scene)
    const last = await fire(scene)
    for (const step of ['pending', 'running']) {
      if (step === 'running') await worker.claimOne()
      const { answer, run } = await meet(scene, 'skip')
      equal(answer, { outcome: 'skipped' }, step)
      await scene.gone(run.id)
    }
    const { nextAt, lastTask, lastAt } = await look(scene)
    equal([nextAt, lastTask, lastAt], [row.nextAt! + 3 * MINUTE, last, row.nextAt])
  },

  'a run is not skipped once the last one has ended': async (scene) => {
    const worker = await scene.worker()
    await put(scene)
    await fire(scene)
    await worker.end(await worker.claimOne())
    equal((await meet(scene, 'skip')).answer.outcome, 'ticked')
    await scene.remove((await look(scene)).lastTask!)
    equal((await meet(scene, 'skip')).answer.outcome, 'ticked', 'the last one is not there any more')
  },

  'a run waits for the last one, however that ends': async (scene) => {
    await put(scene)
    const last = await fire(scene)
    const { answer, run } = await meet(scene, 'queue')
    equal(answer, { outcome: 'ticked', tasks: [CREATED] })
    await scene.see(run.id, { state: 'blocked', after: [{ parent: last, ifFailed: 'run' }] })
    const third = await meet(scene, 'queue')
    await scene.see(third.run.id, { state: 'blocked', after: [{ parent: run.id, ifFailed: 'run' }] })
    await scene.cancel(last)
    await scene.deliver()
    await scene.see(run.id, { state: 'pending' })
    await scene.see(third.run.id, { state: 'blocked' })
  },

  'a run does not wait for one that has ended': async (scene) => {
    await put(scene)
    const last = await fire(scene)
    await scene.cancel(last)
    const { run } = await meet(scene, 'queue')
    await scene.see(run.id, { state: 'pending', after: [] })
  },

  'a run replaces one that waits': async (scene) => {
    await put(scene)
    const last = await fire(scene)
    const { answer, run } = await meet(scene, 'replace')
    equal(answer, { outcome: 'ticked', tasks: [CREATED] })
    await scene.see(last, { state: 'cancelled' })
    await scene.see(run.id, { state: 'pending', after: [] })
  },

  'a run that replaces one which runs asks it to stop, and waits for it': async (scene) => {
    const worker = await scene.worker()
    await put(scene)
    const last = await fire(scene)
    const claim = await worker.claimOne()
    const { run } = await meet(scene, 'replace')
    equal((await scene.look(last)).cancel?.reason, 'replaced by the next run of nightly')
    await scene.see(run.id, { state: 'blocked', after: [{ parent: last, ifFailed: 'run' }] })
    equal((await worker.hold(claim)).cancelled.length, 1)
    await worker.settle(claim, { to: 'cancelled', error: null })
    await scene.deliver()
    await scene.see(last, { state: 'cancelled' })
    await scene.see(run.id, { state: 'pending' })
  },

  'a run that replaces one which waits for another waits for that, too': async (scene) => {
    const worker = await scene.worker()
    await put(scene)
    const first = await fire(scene)
    const claim = await worker.claimOne()
    const second = await meet(scene, 'replace')
    const { run } = await meet(scene, 'replace')
    await scene.see(second.run.id, { state: 'cancelled' })
    await scene.see(run.id, { state: 'blocked', after: [{ parent: first, ifFailed: 'run' }] })
    await worker.settle(claim, { to: 'cancelled', error: null })
    await scene.deliver()
    await scene.see(run.id, { state: 'pending' })
  },

  'dependents of a run that is replaced hear of it': async (scene) => {
    await put(scene)
    const last = await fire(scene)
    const child = await scene.enqueue({ after: [{ parent: last, ifFailed: 'cancel' }] })
    await meet(scene, 'replace')
    await scene.deliver()
    await scene.see(child, { state: 'cancelled' })
  },
})

export const scheduleCases: readonly ConformanceCase[] = [...keeping, ...due, ...ticking, ...overlapping]
