/** Claims what a demand asks for. */
import { handedOut, payloadBytes } from './copies.ts'
import { move } from './moves.ts'
import { firstOf, LEVELS, servedLines, type Line } from './ready.ts'
import { ownerOf, timeLimitOf, type Task } from './task.ts'
import type { Pass } from './home.ts'
import type { Demand, ExchangeAnswer, ExchangeRequest, QueueDemand } from '../port.ts'
import type { Claim, Level } from '../records.ts'

/** How many tasks one claim ends because their time is over. */
const ENDED_MAX = 1_000

interface Claiming {
  readonly pass: Pass
  readonly request: ExchangeRequest
  readonly taken: Task[]
  tasksLeft: number
  bytesLeft: number
  endsLeft: number
  /** A payload or too many ends cut the claim short. */
  cut: boolean
}

/**
 * What was claimed, and after how long there may be more. Claims start at the heads of the lines, so there
 * is no cursor to give.
 */
export function claim(pass: Pass, request: ExchangeRequest): Pick<ExchangeAnswer, 'claims' | 'nextInMs'> {
  const { demand } = request
  if (demand === null) return { claims: [], nextInMs: null }
  const again = claimedBefore(pass, request)
  const taken = again.length > 0 ? again : claimAnew(pass, request, demand)
  return { claims: taken.map(claimOf), nextInMs: nextInMs(pass, demand) }
}

/** What the same request claimed when it came before, as far as it still runs. */
function claimedBefore({ home }: Pass, { session, nonce }: ExchangeRequest): readonly Task[] {
  const claimed = home.byNonce.get(nonce) ?? []
  return [...claimed].filter((task) => {
    const owner = ownerOf(task)
    return owner.session === session && owner.takeover === null
  })
}

function claimAnew(pass: Pass, request: ExchangeRequest, demand: Demand): readonly Task[] {
  const { tasksMax, bytesMax } = demand
  const claiming: Claiming = {
    pass,
    request,
    taken: [],
    tasksLeft: tasksMax,
    bytesLeft: bytesMax,
    endsLeft: ENDED_MAX,
    cut: false,
  }
  for (const queue of openQueues(pass, demand)) claimFromQueue(claiming, demand, queue)
  return claiming.taken
}

/** The queues that a demand can take anything from. */
function openQueues({ home }: Pass, { queues, tasksMax }: Demand): readonly QueueDemand[] {
  if (tasksMax <= 0) return []
  return queues.filter((queue) => queue.tasksMax > 0 && home.queues.get(queue.queue)?.paused !== true)
}

function claimFromQueue(claiming: Claiming, demand: Demand, { queue, slots, tasksMax }: QueueDemand): void {
  const lines = servedLines(claiming.pass.home.lines, queue, demand)
  let left = tasksMax
  for (const level of LEVELS)
    left -= claimFromLevel(claiming, lines, { level, count: Math.min(slots[level], left) })
  for (const level of LEVELS) left -= claimFromLevel(claiming, lines, { level, count: left })
}

/** @returns how many were taken */
function claimFromLevel(
  claiming: Claiming,
  lines: readonly Line[],
  from: { level: Level; count: number },
): number {
  const { pass, taken } = claiming
  let count = 0
  while (count < from.count && claiming.tasksLeft > 0 && !claiming.cut) {
    const first = firstOf(lines, from.level)
    if (first === undefined || first.at > pass.now) break
    if (endIfOver(claiming, first.item)) continue
    const bytes = payloadBytes(first.item.payload)
    if (taken.length > 0 && bytes > claiming.bytesLeft) claiming.cut = true
    if (claiming.cut) break
    claiming.bytesLeft -= bytes
    claiming.tasksLeft -= 1
    count += 1
    take(claiming, first.item)
  }
  return count
}

/** Ends a task whose `startBy` or deadline has come, as the sweep would. */
function endIfOver(claiming: Claiming, task: Task): boolean {
  const { pass } = claiming
  const limit = timeLimitOf(task)
  if (limit === null || limit.at > pass.now) return false
  if (claiming.endsLeft === 0) {
    claiming.cut = true
    return false
  }
  claiming.endsLeft -= 1
  move(pass, task, {
    operation: limit.operation,
    detail: limit.operation === 'expire' ? 'expired' : 'timeout',
  })
  return true
}

function take({ pass, request, taken }: Claiming, task: Task): void {
  const { session, nonce } = request
  const ownership = { session, nonce, takeover: null, attemptAt: null, missed: 0, settled: null }
  move(pass, task, { operation: 'claim', set: { ownership, startedAt: pass.now }, by: session })
  taken.push(task)
}

/** What can be taken and is due was left because the claim was cut short; else it is the next to fall due that counts. */
function nextInMs(pass: Pass, demand: Demand): number | null {
  let next = Infinity
  for (const { queue } of openQueues(pass, demand)) {
    const lines = servedLines(pass.home.lines, queue, demand)
    for (const level of LEVELS) next = Math.min(next, firstOf(lines, level)?.at ?? Infinity)
  }
  return next === Infinity ? null : Math.max(next - pass.now, 0)
}

function claimOf(task: Task): Claim {
  const { spec, payload, startedAt } = task
  const { nonce } = ownerOf(task)
  if (payload === null || startedAt === null) throw new Error(`task ${spec.id} cannot run`)
  return {
    id: spec.id,
    epoch: task.epoch,
    nonce,
    type: spec.type,
    queue: spec.queue,
    level: task.level,
    payload: handedOut(payload),
    policy: spec.policy,
    counters: { ...task.counters },
    enqueuedAt: task.enqueuedAt,
    runAt: task.runAt,
    claimedAt: startedAt,
    timeoutMs: spec.timeoutMs,
    deadlineAt: task.deadlineAt,
    after: task.after.map((edge) => edge.parent),
    tags: spec.tags,
    metadata: spec.metadata,
    headers: spec.headers,
    checkpoint: handedOut(task.checkpoint),
  }
}
