/** Locks: one holder at a time, for as long as its lease holds. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds } from './expect.ts'
import { MINUTE, SECOND, type Scene } from './scene.ts'
import type { LockAnswer, LockRequest } from '../store/locks.ts'

function request(scene: Scene, changes: Partial<LockRequest> = {}): LockRequest {
  return { name: 'door', holder: scene.nonce(), ttlMs: MINUTE, about: 'somebody', ...changes }
}

/** Takes a lock, which must be free; answers the token. */
async function take(scene: Scene, of: LockRequest): Promise<number> {
  const answer = await scene.store.acquireLock(of)
  holds(answer.outcome === 'acquired', `the lock is ${JSON.stringify(answer)}`)
  return answer.token
}

function isHeld({ outcome }: LockAnswer): boolean {
  return outcome === 'held'
}

export const lockCases: readonly ConformanceCase[] = cases('locks', {
  'a lock has one holder': async (scene) => {
    const mine = request(scene)
    await take(scene, mine)
    const answer = await scene.store.acquireLock(request(scene))
    holds(answer.outcome === 'held', 'it was given twice')
    holds(answer.endsInMs > 0 && answer.endsInMs <= MINUTE, `its lease ends in ${answer.endsInMs} ms`)
    await take(scene, request(scene, { name: 'window' }))
  },

  'a lock has one holder, however many come at once': async (scene) => {
    const other = await scene.other()
    const requests = Array.from({ length: 20 }, () => request(scene))
    const answers = await Promise.all(
      requests.map((of, index) => (index % 2 === 0 ? scene.store : other).acquireLock(of)),
    )
    equal(answers.filter(isHeld).length, 19)
  },

  'the taking of a lock that is repeated is answered as the first time': async (scene) => {
    const mine = request(scene)
    const token = await take(scene, mine)
    equal(await take(scene, mine), token)
  },

  'a token is larger than all before it': async (scene) => {
    let last = 0
    for (const name of ['a', 'b', 'a', 'a', 'b']) {
      const of = request(scene, { name })
      const token = await take(scene, of)
      holds(Number.isSafeInteger(token) && token > last, `${token} after ${last}`)
      last = token
      equal(await scene.store.releaseLock(of), 'released')
    }
  },

  'a lock that is given back is free': async (scene) => {
    const [mine, other] = [request(scene), request(scene)]
    await take(scene, mine)
    equal(await scene.store.releaseLock(other), 'lost', 'by another than the holder')
    equal(await scene.store.releaseLock(mine), 'released')
    equal(await scene.store.releaseLock(mine), 'lost', 'twice')
    equal(await scene.store.renewLock(mine), 'lost')
    await take(scene, other)
  },

  'a lease ends at the very millisecond, and then anybody may take the lock': async (scene) => {
    const mine = request(scene)
    const token = await take(scene, mine)
    const [{ expiresAt } = { expiresAt: 0 }] = await scene.store.locks()
    const other = request(scene)
    let late = 0
    await scene.approach(expiresAt, async () => {
      const answer = await scene.store.acquireLock(other)
      const now = await scene.now()
      if (answer.outcome === 'acquired') late = answer.token
      // on a clock that goes on by itself the answer may be a little older than the look
      holds(answer.outcome === 'held' || now >= expiresAt, 'the lock was taken before its lease ended')
      return answer.outcome === 'acquired' ? expiresAt : Math.min(now, expiresAt - 1)
    })
    holds(late > token, `${late} after ${token}`)
    equal(await scene.store.renewLock(mine), 'lost')
    equal(await scene.store.releaseLock(mine), 'lost')
    equal(isHeld(await scene.store.acquireLock(mine)), true)
  },

  'a renewal extends the lease, and revives none': async (scene) => {
    const mine = request(scene)
    await take(scene, mine)
    for (let i = 0; i < 3; i++) {
      await scene.pass(40 * SECOND)
      equal(await scene.store.renewLock(mine), 'held')
    }
    equal(isHeld(await scene.store.acquireLock(request(scene))), true)
    await scene.pass(MINUTE)
    equal(await scene.store.renewLock(mine), 'lost')
    equal(await scene.store.releaseLock(mine), 'lost')
  },

  'locks are listed while their lease holds': async (scene) => {
    const now = await scene.now()
    const second = request(scene, { name: 'b', about: 'ü' })
    const token = await take(scene, second)
    await take(scene, request(scene, { name: 'a', ttlMs: SECOND }))
    const [first, last] = await scene.store.locks()
    equal([first?.name, last?.name], ['a', 'b'])
    equal([last?.token, last?.about], [token, 'ü'])
    holds(last!.acquiredAt >= now && last!.expiresAt === last!.acquiredAt + MINUTE, 'the times of the lock')
    await scene.pass(SECOND)
    equal((await scene.store.locks()).length, 1)
    await scene.store.releaseLock(second)
    equal(await scene.store.locks(), [])
  },
})
