/** Hold, release and level: what operators change about tasks that wait. */
import { cases, type ConformanceCase } from './case.ts'
import { equal } from './expect.ts'
import { HOUR, MINUTE } from './scene.ts'
import { snooze } from './worker.ts'
import type { TaskId } from '../store/records.ts'

export const editCases: readonly ConformanceCase[] = cases('edits', {
  'hold and release': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    equal(await scene.command({ kind: 'hold' }, id), 'changed')
    await scene.see(id, { state: 'pending', held: true })
    equal(await worker.claim(5), [])
    equal(await scene.command({ kind: 'release' }, id), 'changed')
    await scene.see(id, { held: false })
    const events = (await scene.look(id)).history.map((entry) => entry.event)
    equal(events, ['enqueued', 'held', 'released'])
    equal((await worker.claimOne()).id, id)
  },

  'a released task keeps to its due time': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ held: true, due: { inMs: HOUR / 2 } })
    const { runAt } = await scene.look(id)
    await scene.command({ kind: 'release' }, id)
    const answer = await worker.ask()
    equal([answer.claims.length, answer.nextInMs], [0, runAt - answer.now])
    await scene.command({ kind: 'hold' }, id)
    await scene.passTo(runAt)
    equal(await worker.claim(5), [])
    await scene.command({ kind: 'release' }, id)
    equal((await worker.claimOne()).id, id)
  },

  'a task that waits for its retry can be held': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.end(await worker.claimOne(), snooze(MINUTE))
    await scene.command({ kind: 'hold' }, id)
    await scene.pass(MINUTE)
    equal(await worker.claim(5), [])
    await scene.command({ kind: 'release' }, id)
    equal((await worker.claimOne()).id, id)
  },

  'the level of a waiting task can be set': async (scene) => {
    const worker = await scene.worker()
    const [first, second, third] = await scene.enqueueMany(3)
    const scheduled = await scene.enqueue({ due: { inMs: MINUTE } })
    equal(await scene.command({ kind: 'set-level', level: 0 }, third!), 'changed')
    equal(await scene.command({ kind: 'set-level', level: 4 }, first!), 'changed')
    equal(await scene.command({ kind: 'set-level', level: 1 }, scheduled), 'changed')
    await scene.see(third!, { level: 0, state: 'pending' })
    await scene.pass(MINUTE)
    const claims: TaskId[] = []
    for (let n = 0; n < 4; n++) claims.push((await worker.claimOne()).id)
    equal(claims, [third, scheduled, second, first])
  },

  'hold and level last through unblocking': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue({ level: 0 })
    const after = [{ parent, ifFailed: 'cancel' }] as const
    const [held, urgent, plain] = await scene.enqueueMany(3, { after })
    equal(await scene.command({ kind: 'hold' }, held!), 'changed')
    equal(await scene.command({ kind: 'set-level', level: 1 }, urgent!), 'changed')
    await worker.end(await worker.claimOne())
    await scene.see(held!, { state: 'pending', held: true })
    equal([(await worker.claimOne()).id, (await worker.claimOne()).id], [urgent, plain])
    equal(await worker.claim(5), [])
    await scene.command({ kind: 'release' }, held!)
    equal((await worker.claimOne()).id, held)
  },

  'a hold on a blocked task can be taken back': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ held: true, after: [{ parent, ifFailed: 'cancel' }] })
    await scene.see(child, { state: 'blocked', held: true })
    equal(await scene.command({ kind: 'release' }, child), 'changed')
    await worker.end(await worker.claimOne())
    equal((await worker.claimOne()).id, child)
  },
})
