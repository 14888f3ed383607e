/** Claims what a demand asks for. */
import { handedOut, payloadBytes } from './copies.ts'
import { count, limitsOn, roomFor } from './limits.ts'
import { move } from './moves.ts'
import { lanesOf, LEVELS, servedLines, type Lane, type Line } from './ready.ts'
import { isBefore, type Entry } from './schedule.ts'
import { ownerOf, timeLimitOf, type Task } from './task.ts'
import { Turns } from './turns.ts'
import type { Pass } from './home.ts'
import type { Demand, ExchangeAnswer, ExchangeRequest, QueueDemand } from '../port.ts'
import type { Claim, Level } from '../records.ts'

/** How many tasks one claim ends because their time is over. */
const ENDED_MAX = 1_000

interface Claiming {
  readonly pass: Pass
  readonly request: ExchangeRequest
  readonly turns: Turns
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
export function claim(
  pass: Pass,
  request: ExchangeRequest,
): Pick<ExchangeAnswer, 'claims' | 'nextInMs' | 'turn'> {
  const { demand } = request
  if (demand === null) return { claims: [], nextInMs: null, turn: null }
  const turns = new Turns(demand.turn, request.nonce)
  const again = claimedBefore(pass, request)
  const taken = again.length > 0 ? again : claimAnew({ pass, request, turns }, demand)
  return { claims: taken.map(claimOf), nextInMs: nextInMs(pass, demand), turn: turns.text() }
}

/** What the same request claimed when it came before, as far as it still runs. */
function claimedBefore({ home }: Pass, { session, nonce }: ExchangeRequest): readonly Task[] {
  const claimed = home.byNonce.get(nonce) ?? []
  return [...claimed].filter((task) => {
    const owner = ownerOf(task)
    return owner.session === session && owner.takeover === null
  })
}

function claimAnew(given: Pick<Claiming, 'pass' | 'request' | 'turns'>, demand: Demand): readonly Task[] {
  const { tasksMax, bytesMax } = demand
  const claiming: Claiming = {
    ...given,
    taken: [],
    tasksLeft: tasksMax,
    bytesLeft: bytesMax,
    endsLeft: ENDED_MAX,
    cut: false,
  }
  for (const queue of openQueues(given.pass, demand)) claimFromQueue(claiming, demand, queue)
  return claiming.taken
}

/** The queues that a demand can take anything from. */
function openQueues({ home }: Pass, { queues, tasksMax }: Demand): readonly QueueDemand[] {
  if (tasksMax <= 0) return []
  return queues.filter(
    (queue) => queue.tasksMax > 0 && (home.queues.get(queue.queue)?.paused ?? null) === null,
  )
}

function claimFromQueue(claiming: Claiming, demand: Demand, { queue, slots, tasksMax }: QueueDemand): void {
  const lines = servedLines(claiming.pass.home.lines, queue, demand)
  let left = tasksMax
  for (const level of LEVELS)
    left -= claimFromLevel(claiming, lines, { queue, level, count: Math.min(slots[level], left) })
  for (const level of LEVELS) left -= claimFromLevel(claiming, lines, { queue, level, count: left })
}

/**
 * The partitions take turns, until there is enough, or nothing that may start.
 *
 * @returns how many were taken
 */
function claimFromLevel(
  claiming: Claiming,
  lines: readonly Line[],
  { queue, level, count: wanted }: { queue: string; level: Level; count: number },
): number {
  const { pass, request, turns } = claiming
  const lanes = lanesOf(lines, level)
  if (wanted <= 0 || lanes.length === 0) return 0
  const ring = turns.order(
    `${level} ${queue}`,
    lanes.map((lane) => lane.partition),
  )
  let { order, left } = ring
  let count = 0
  while (count < wanted && order.length > 0) {
    const [partition] = order as [string | null]
    const weight = partition === null ? 1 : (pass.home.weights.get(partition) ?? 1)
    const turn = left ?? request.demand!.quantum * weight
    const own = lanes.filter((lane) => lane.partition === partition)
    const alone = order.length === 1
    const taken = claimFromLanes(claiming, own, alone ? wanted - count : Math.min(turn, wanted - count))
    count += taken
    left = null
    const stays = taken > 0 && taken >= turn ? [partition] : []
    if (!alone && count >= wanted) turns.stop(`${level} ${queue}`, partition, turn - taken)
    order = alone ? [] : [...order.slice(1), ...stays]
  }
  return count
}

/** @returns how many were taken */
function claimFromLanes(claiming: Claiming, lanes: readonly Lane[], wanted: number): number {
  const { pass, taken } = claiming
  let open = lanes
  let count = 0
  while (count < wanted && claiming.tasksLeft > 0 && !claiming.cut) {
    const first = firstOf(open, pass.now)
    if (first === undefined) break
    const { lane } = first.item.inLine!
    if (first.item.runAt + lane.waitMs(claiming.request.demand!.offers) > pass.now) {
      open = open.filter((one) => one !== lane)
      continue
    }
    if (endIfOver(claiming, first.item)) continue
    if (!roomFor(pass, limitsOn(first.item.spec)).free) {
      open = open.filter((one) => one !== lane)
      continue
    }
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

/** What comes first of all that is due. */
function firstOf(lanes: readonly Lane[], now: number): Entry<Task> | undefined {
  let first: Entry<Task> | undefined
  for (const lane of lanes) {
    const head = lane.first(now)
    if (head !== undefined && (first === undefined || isBefore(head, first))) first = head
  }
  return first
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
  count(pass, task)
  taken.push(task)
}

/**
 * What can be taken, is due and may start was left because the claim was cut short; else it is the next to fall due,
 * or the next limit to let go, that counts.
 */
function nextInMs(pass: Pass, demand: Demand): number | null {
  const { home, now } = pass
  let next = Infinity
  for (const { queue } of openQueues(pass, demand)) {
    const lines = servedLines(home.lines, queue, demand)
    for (const lane of LEVELS.flatMap((level) => lanesOf(lines, level))) {
      next = Math.min(next, lane.nextAt() ?? Infinity)
      const first = lane.first(now)
      if (first === undefined) continue
      const room = roomFor(pass, limitsOn(first.item.spec))
      const spillsAt = first.item.runAt + lane.waitMs(demand.offers)
      next = Math.min(next, room.free ? Math.max(now, spillsAt) : (room.againAt ?? Infinity))
    }
  }
  return next === Infinity ? null : Math.max(Math.ceil(next) - now, 0)
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
    partition: spec.lane?.partition ?? null,
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
