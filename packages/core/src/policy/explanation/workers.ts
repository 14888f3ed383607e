/** Who could take a task, and what those lack who are there. */
import { FIRST_VERSION, versionNeed } from '../../task/versions.ts'
import type { SessionRecord } from '../../store/inspection.ts'
import type { TaskRecord } from '../../store/records.ts'
import type { TaskFacts } from './facts.ts'
import type { Reason } from './reasons.ts'

/** Workers that would take the task, had they room. */
export function fitting({ task, sessions }: TaskFacts): readonly SessionRecord[] {
  return sessions.filter(
    (session) => handles(session, task) && lacks(session, task).length === 0 && takesMore(session),
  )
}

function handles({ types, queues }: SessionRecord, { type, queue }: TaskRecord): boolean {
  return types.includes(type) && queues.includes(queue)
}

function lacks({ offers }: SessionRecord, { needs }: TaskRecord): readonly string[] {
  return needs.filter((need) => !offers.includes(need))
}

function takesMore({ state, order }: SessionRecord): boolean {
  return state === 'running' && (order?.end ?? null) === null
}

/** Why none of the workers takes it: what the nearest of them lacks. */
export function whyNobody(facts: TaskFacts): readonly Reason[] {
  const { task, sessions } = facts
  if (fitting(facts).length > 0) return []
  if (sessions.length === 0) return [{ code: 'no-worker' }]
  const handling = sessions.filter(({ types }) => types.includes(task.type))
  if (handling.length === 0) return [{ code: 'type-unhandled', type: task.type, workers: sessions.length }]
  const serving = handling.filter((session) => handles(session, task))
  if (serving.length === 0) return [{ code: 'queue-unserved', queue: task.queue, workers: handling.length }]
  const knowing = serving.filter((session) => !isOlder(session, task))
  const [nearest] = (knowing.length > 0 ? knowing : serving)
    .map((session) => lacks(session, task))
    .toSorted((one, other) => one.length - other.length || (one.join(' ') < other.join(' ') ? -1 : 1))
  if (nearest!.length > 0) return whatLacks(task, nearest!, serving.length)
  return [{ code: 'workers-draining', workers: serving.length }]
}

/** Its code is older than the input of the task. */
function isOlder({ offers }: SessionRecord, task: TaskRecord): boolean {
  const need = needOfVersion(task)
  return need !== null && !offers.includes(need)
}

function needOfVersion({ type, policy: { version = FIRST_VERSION } }: TaskRecord): string | null {
  return versionNeed(type, { version })
}

/** A version of the input comes with code, and is no offer that somebody makes. */
function whatLacks(task: TaskRecord, lacking: readonly string[], workers: number): readonly Reason[] {
  const ofVersion = needOfVersion(task)
  const offers = lacking.filter((need) => need !== ofVersion)
  const version = task.policy.version ?? FIRST_VERSION
  return [
    ...(offers.length < lacking.length ? [{ code: 'version-unknown', version, workers } as const] : []),
    ...(offers.length > 0 ? [{ code: 'offers-missing', offers, workers } as const] : []),
  ]
}

/** Those with handlers to spare may still have other things to do first. */
export function whyBusy(facts: TaskFacts): readonly Reason[] {
  const workers = fitting(facts)
  const { slots, free } = slotsOf(workers)
  if (workers.length === 0 || free > 0) return []
  const resized = workers.filter(({ order }) => (order?.concurrency ?? null) !== null).length
  return [{ code: 'workers-busy', workers: workers.length, slots, resized }]
}

export function slotsOf(workers: readonly SessionRecord[]): {
  readonly slots: number
  readonly free: number
} {
  let [slots, free] = [0, 0]
  for (const { concurrency, running } of workers) {
    slots += concurrency
    free += Math.max(0, concurrency - running)
  }
  return { slots, free }
}

/** What its lane prefers: until it spills over it is left to workers that offer that. */
export function whyLeft(facts: TaskFacts): readonly Reason[] {
  const { now, task } = facts
  const { prefers = [], spillMs = 0 } = task.lane ?? {}
  const ranks = fitting(facts).map(({ offers }) => prefers.findIndex((one) => offers.includes(one)))
  const rank = Math.min(...ranks.map((found) => (found < 0 ? prefers.length : found)))
  if (rank === 0 || ranks.length === 0) return []
  const until = task.runAt + rank * spillMs
  return until > now ? [{ code: 'prefers', offers: prefers.slice(0, rank), until }] : []
}
