/** Hints: lossy, but not mute. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds } from './expect.ts'
import { HOUR, type Scene } from './scene.ts'
import type { Hint } from '../store/port.ts'

const EVERYTHING: Hint = { ready: true, settled: true, cancel: true, schedules: true }

/** Listens, acts, and reads on until a hint says what was done. */
async function heard(scene: Scene, act: () => Promise<unknown>, says: keyof Hint): Promise<void> {
  const hints = scene.store.watch()
  equal(await hints.next(), { done: false, value: EVERYTHING }, 'the first hint')
  const next = hints.next()
  await act()
  for (let hint = await next; ; hint = await hints.next()) {
    holds(hint.done !== true, 'the hints came to an end')
    if (hint.value[says]) break
  }
  await hints.return?.()
}

export const watchCases: readonly ConformanceCase[] = cases('watch', {
  'the first hint says that everything may have changed': async (scene) => {
    const hints = scene.store.watch()
    equal(await hints.next(), { done: false, value: EVERYTHING })
    await hints.return?.()
  },

  'an enqueue is heard': async (scene) => {
    await heard(scene, () => scene.enqueue(), 'ready')
  },

  'a return is heard': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue()
    const claim = await worker.claimOne()
    const transition = { to: 'pending', count: 'return', delayMs: null, error: null } as const
    await heard(scene, () => worker.end(claim, transition), 'ready')
  },

  'an end is heard': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue()
    const claim = await worker.claimOne()
    await heard(scene, () => worker.end(claim), 'settled')
  },

  'a schedule that is put is heard': async (scene) => {
    const request = { name: 'nightly', ifVersion: null, plan: '{}', paused: false, nextAt: 1 }
    await heard(scene, () => scene.store.putSchedule(request), 'schedules')
  },

  'a cancel request is heard': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.claimOne()
    await heard(scene, () => scene.cancel(id), 'cancel')
  },

  'a release and the end of a pause are heard': async (scene) => {
    const id = await scene.enqueue({ held: true })
    await heard(scene, () => scene.command({ kind: 'release' }, id), 'ready')
    await scene.store.configureQueue({ queue: 'default', paused: true })
    await heard(scene, () => scene.store.configureQueue({ queue: 'default', paused: false }), 'ready')
  },

  'what is due later is heard at once': async (scene) => {
    await heard(scene, () => scene.enqueue({ due: { inMs: HOUR } }), 'ready')
  },

  'unblocking is heard, by a parent and by a gate': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    await scene.enqueue({ after: [{ parent, ifFailed: 'cancel' }] })
    const claim = await worker.claimOne()
    await heard(scene, () => worker.end(claim), 'ready')
    const gate = scene.id()
    await scene.addAll([scene.spec()], { gate })
    await heard(scene, () => scene.store.openGate(gate), 'ready')
  },

  'a task that starts over is heard': async (scene) => {
    const id = await scene.enqueue()
    await scene.cancel(id)
    await heard(scene, () => scene.restart(id), 'ready')
  },

  'the end of a task that waits is heard': async (scene) => {
    const id = await scene.enqueue()
    await heard(scene, () => scene.cancel(id), 'settled')
    await scene.enqueue({ startByMs: HOUR })
    await scene.pass(HOUR)
    await heard(scene, () => scene.sweep(), 'settled')
  },

  'a reader that lags gets its hints merged': async (scene) => {
    const hints = scene.store.watch()
    await hints.next()
    const worker = await scene.worker()
    for (let n = 0; n < 50; n++) await scene.enqueue()
    for (const claim of await worker.claim(50)) await worker.end(claim)
    const seen = { ready: false, settled: false }
    let read = 0
    while (!seen.ready || !seen.settled) {
      const { value } = (await hints.next()) as { value: Hint }
      seen.ready ||= value.ready
      seen.settled ||= value.settled
      read += 1
    }
    holds(read < 50, `${read} hints for a reader that lagged`)
    await hints.return?.()
  },

  'each reader hears by itself, and may leave': async (scene) => {
    const [one, two] = [scene.store.watch(), scene.store.watch()]
    await Promise.all([one.next(), two.next()])
    const waiting = one.next()
    await one.return?.()
    equal((await waiting).done, true, 'the end of a reader that left')
    equal((await one.next()).done, true)
    const next = two.next()
    await scene.enqueue()
    equal((await next).done, false)
    await two.return?.()
  },
})
