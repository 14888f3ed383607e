/** Takes over running tasks that nobody looks after. */
import { move } from './moves.ts'
import { isAlive, isStray } from './sessions.ts'
import { ownerOf, type Task } from './task.ts'
import type { Pass } from './home.ts'
import type { Reclaimed, ReclaimAnswer, ReclaimRequest } from '../port.ts'

export function reclaim(pass: Pass, request: ReclaimRequest): ReclaimAnswer {
  if (!isAlive(pass, request.session)) return { session: 'dead', tasks: [] }
  const before = takenBefore(pass, request)
  const taken = before.length > 0 ? before : takeOver(pass, request)
  return { session: 'alive', tasks: taken.map(reclaimed) }
}

/** What the same request took when it came before, as far as that is not settled. */
function takenBefore({ home }: Pass, { session, nonce }: ReclaimRequest): readonly Task[] {
  const claimed = home.byNonce.get(nonce) ?? []
  return [...claimed].filter((task) => {
    const owner = ownerOf(task)
    return owner.session === session && owner.takeover !== null
  })
}

function takeOver(pass: Pass, request: ReclaimRequest): readonly Task[] {
  const { session, nonce, tasksMax, graceMs } = request
  const found: { readonly task: Task; readonly cause: Reclaimed['cause'] }[] = []
  for (const task of pass.home.running) {
    if (found.length >= tasksMax) break
    const cause = causeOf(pass, task, graceMs)
    if (cause !== null) found.push({ task, cause })
  }
  for (const { task, cause } of found) {
    const takeover = { cause, from: ownerOf(task).session }
    const ownership = { session, nonce, takeover, attemptAt: null, missed: 0, settled: null }
    move(pass, task, { operation: 'reclaim', set: { ownership }, by: session, detail: cause })
  }
  return found.map(({ task }) => task)
}

/** Why a task may be taken over now; `null`: it may not. */
function causeOf(pass: Pass, task: Task, graceMs: number): Reclaimed['cause'] | null {
  const { now } = pass
  const owner = ownerOf(task)
  const lapsed = !isAlive(pass, owner.session)
  if (owner.takeover !== null) return lapsed || isStray(task) ? owner.takeover.cause : null
  if (task.deadlineAt !== null && task.deadlineAt + graceMs <= now) return 'deadline'
  if (task.cancel !== null && task.cancel.at + graceMs <= now) return 'cancel'
  if (lapsed) return 'lapsed'
  const { timeoutMs } = task.spec
  if (timeoutMs === null || owner.attemptAt === null) return null
  return owner.attemptAt + timeoutMs + graceMs <= now ? 'timeout' : null
}

function reclaimed(task: Task): Reclaimed {
  const { nonce, takeover } = ownerOf(task)
  if (takeover === null) throw new Error(`task ${task.spec.id} was claimed, not taken over`)
  return {
    fence: { task: task.spec.id, epoch: task.epoch, nonce },
    type: task.spec.type,
    policy: task.spec.policy,
    counters: { ...task.counters },
    cause: takeover.cause,
    from: takeover.from,
  }
}
