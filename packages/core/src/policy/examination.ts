/** What must hold of tasks, schedules and limits whatever happens: pure checks over what readers see. */
import { scheduledBy } from '../task/scheduled.ts'
import type { Remedy, StoreDefectCode } from '../store/audit.ts'
import type { LimitRecord } from '../store/flow.ts'
import type { QueueRecord } from '../store/inspection.ts'
import type { TaskId, TaskRecord, TaskState, TaskSummary } from '../store/records.ts'
import type { ScheduleRecord } from '../store/schedules.ts'
import { claimsAddUp } from './lifecycle.ts'

/** Something in the store that is not as it should be. */
export interface Defect {
  /**
   * What readers see, of any store. `counters`: the counts of a task do not add up. `unattended`: it runs under a lease that is over. `orphaned-edge`: it
   * waits for tasks that have all ended. `queue-counts`: what a queue says it has is not what it has. `limit-count`: what
   * counts under a limit is not what runs. `double-fire`: one fire time of a schedule has two tasks. `late-schedule`: a
   * schedule should have fired. `clock`: store time is not the time of this host. The others are found by the store (`StoreDefectCode`).
   */
  readonly code: 'counters' | 'unattended' | 'double-fire' | 'late-schedule' | 'clock' | StoreDefectCode
  /** What it is about: a task, a queue, a limit, a schedule, a setting. */
  readonly subject: string
  /** What is wrong, as a sentence. */
  readonly message: string
  /** Who mends it: `repair`, any `worker` that runs, or an `operator`. */
  readonly remedy: Remedy
}

/** A fire time is taken within a second where a worker is there. */
const LATE_MS = 60_000
/** Hosts whose clocks are kept by NTP are closer than that. */
const SKEW_MS = 5_000

const FINAL: ReadonlySet<TaskState> = new Set(['succeeded', 'failed', 'cancelled'])

/** @param alive sessions whose lease stands */
export function defectsOfTask(task: TaskSummary, alive: ReadonlySet<string>): readonly Defect[] {
  const found: Defect[] = []
  const isOpen = claimsAddUp(task.counters, 1)
  const mayBeOpen = task.state === 'running' ? isOpen : FINAL.has(task.state) && isOpen
  const mayBeClosed = task.state !== 'running' && claimsAddUp(task.counters, 0)
  if (!mayBeOpen && !mayBeClosed)
    found.push({
      code: 'counters',
      subject: task.id,
      message: `Task ${task.id} is ${task.state}, and its claims are not the sum of the ways in which they ended: ${JSON.stringify(task.counters)}.`,
      remedy: 'operator',
    })
  if (task.state === 'running' && (task.session === null || !alive.has(task.session)))
    found.push({
      code: 'unattended',
      subject: task.id,
      message: `Task ${task.id} runs under a lease that is over, and no worker takes it over.`,
      remedy: 'worker',
    })
  return found
}

/** A gate that nobody opens is gone after an hour, and what waits behind it goes with it soon after. */
const GATE_MS = 2 * 3_600_000

/**
 * @param live those of its parents that have not ended
 * @param now store time
 */
export function defectsOfEdges(
  { id, state, blockers, enqueuedAt }: Pick<TaskRecord, 'id' | 'state' | 'blockers' | 'enqueuedAt'>,
  live: readonly TaskId[],
  now: number,
): readonly Defect[] {
  if (state !== 'blocked' || live.length > 0) return []
  // readers see nothing of a gate but that it is one of the blockers
  if (blockers === 1 && now - enqueuedAt < GATE_MS) return []
  return [
    {
      code: 'orphaned-edge',
      subject: id,
      message: `Task ${id} waits, and all that it waits for have ended.`,
      remedy: 'repair',
    },
  ]
}

export function isFinal(state: TaskState): boolean {
  return FINAL.has(state)
}

/** @param runs tasks of schedules, each with its headers */
export function doubleFires(runs: readonly Pick<TaskRecord, 'id' | 'headers'>[]): readonly Defect[] {
  const seen = new Map<string, TaskId>()
  const found: Defect[] = []
  for (const { id, headers } of runs) {
    const run = scheduledBy(headers)
    if (run === undefined) continue
    const key = JSON.stringify([run.name, run.at.getTime()])
    const other = seen.get(key)
    if (other === undefined) seen.set(key, id)
    else
      found.push({
        code: 'double-fire',
        subject: run.name,
        message: `The schedule ${run.name} fired twice for ${run.at.toISOString()}: tasks ${other} and ${id}.`,
        remedy: 'operator',
      })
  }
  return found
}

export function lateSchedules(schedules: readonly ScheduleRecord[], now: number): readonly Defect[] {
  return schedules
    .filter(({ paused, nextAt }) => !paused && nextAt !== null && now - nextAt >= LATE_MS)
    .map(({ name, nextAt }) => ({
      code: 'late-schedule',
      subject: name,
      message: `The schedule ${name} should have fired ${Math.round((now - nextAt!) / 1_000)} s ago, and no worker does it.`,
      remedy: 'worker',
    }))
}

/** @param running all tasks that run */
export function wrongLimits(
  limits: readonly LimitRecord[],
  running: readonly TaskSummary[],
): readonly Defect[] {
  const counts = new Map<string, number>()
  for (const { lane, queue, type } of running) {
    const own = (lane?.limits ?? []).map(({ name, key }) => [name, key] as const)
    for (const [name, key] of [...own, [`queue:${queue}`, ''] as const, [`type:${type}`, ''] as const]) {
      const at = JSON.stringify([name, key])
      counts.set(at, (counts.get(at) ?? 0) + 1)
    }
  }
  return limits
    .filter(({ allowance }) => allowance.concurrency !== null)
    .flatMap(({ name, keys }) =>
      keys.flatMap(({ key, used }): Defect[] => {
        const runs = counts.get(JSON.stringify([name, key])) ?? 0
        if (used === runs) return []
        const under = key === '' ? name : `${name} ${key}`
        return [
          {
            code: 'limit-count',
            subject: under,
            message: `Under ${under} ${used} are counted, and ${runs} run.`,
            remedy: 'repair',
          },
        ]
      }),
    )
}

/** How many tasks of a queue were found in each state. */
export type Found = ReadonlyMap<TaskState, number>

export function wrongCounts({ queue, counts }: QueueRecord, found: Found): readonly Defect[] {
  const pairs: readonly (readonly [what: string, says: number, has: number])[] = [
    ['running', counts.running, found.get('running') ?? 0],
    ['blocked', counts.blocked, found.get('blocked') ?? 0],
    ['pending', counts.scheduled + counts.ready + counts.held, found.get('pending') ?? 0],
    ...(['succeeded', 'failed', 'cancelled'] as const).map(
      (state) => [state, counts[state], found.get(state) ?? 0] as const,
    ),
  ]
  return pairs
    .filter(([, says, has]) => says !== has)
    .map(([what, says, has]) => ({
      code: 'queue-counts',
      subject: queue,
      message: `The queue ${queue} says that ${says} tasks are ${what}, and ${has} are.`,
      remedy: 'operator',
    }))
}

export function wrongClock(storeMs: number, hostMs: number): readonly Defect[] {
  const aheadMs = storeMs - hostMs
  if (Math.abs(aheadMs) < SKEW_MS) return []
  const by = `${Math.round(Math.abs(aheadMs) / 1_000)} s ${aheadMs > 0 ? 'ahead of' : 'behind'}`
  return [
    {
      code: 'clock',
      subject: 'store time',
      message: `Store time is ${by} the clock of this host.`,
      remedy: 'operator',
    },
  ]
}
