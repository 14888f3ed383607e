/** Connections that are made anew: what was done stays done, and what is under way ends. */
import { StoreError } from '../task/errors.ts'
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds } from './expect.ts'

export const connectionCases: readonly ConformanceCase[] = cases('connections', {
  'a store that connects anew goes on where it was': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueueMany(3)
    const first = await worker.claimOne()
    await scene.store.reconnect()
    await worker.end(first)
    const second = await worker.claimOne()
    equal((await worker.hold(second)).lost, [])
    await scene.store.reconnect()
    await scene.store.reconnect()
    await worker.end(second)
    await worker.end(await worker.claimOne())
    await scene.see(first.id, { state: 'succeeded' })
    await scene.see(second.id, { state: 'succeeded' })
  },

  'what is under way when a store connects anew ends, and can be asked again': async (scene) => {
    const worker = await scene.worker()
    const specs = scene.specs(50)
    const group = (
      task: (typeof specs)[number],
    ): Parameters<typeof scene.store.add>[0]['groups'][number] => ({
      tasks: [task],
      under: null,
      gate: null,
    })
    const calls = specs.map((spec) => scene.store.add({ groups: [group(spec)], again: false }))
    const ends = Promise.allSettled(calls)
    await scene.store.reconnect()
    for (const end of await ends)
      holds(
        end.status === 'fulfilled' || end.reason instanceof StoreError,
        'a call ended with no error of a store',
      )
    await scene.addGroups(specs.map(group), true)
    equal((await worker.claim(100)).length, specs.length)
  },

  'other clients of the home notice nothing': async (scene) => {
    const other = await scene.other()
    const worker = await scene.worker({}, other)
    await scene.enqueue()
    if (other !== scene.store) await scene.store.reconnect()
    await worker.end(await worker.claimOne())
  },

  'readers of hints go on, or are told to ask again': async (scene) => {
    const hints = scene.store.watch()
    await hints.next()
    await scene.store.reconnect()
    await scene.enqueue()
    const next = await hints.next()
    holds(next.done === true || next.value.ready, 'a reader was left alone')
    await hints.return?.()
  },
})
