/** Why a task has not started. */
import { attemptsMax, briefOf, NAMED_MAX, type TaskFacts } from './facts.ts'
import { keyHeld, retrying, suspect, timeLimits } from './notes.ts'
import { whyNobody } from './workers.ts'
import { whyNoRoom } from './room.ts'
import type { HistoryEvent } from '../../store/records.ts'
import type { Reason } from './reasons.ts'

/** What keeps it whatever workers there are comes first, then what keeps workers from it, then who comes before it. */
export function whyWaiting(facts: TaskFacts): readonly Reason[] {
  const { task } = facts
  const kept = [...timeLimits(facts, 'over'), ...whyHeld(facts), ...whyBlocked(facts), ...whyNotFirst(facts)]
  const early = whyEarly(facts)
  const nobody = [...whyPaused(facts), ...whyNobody(facts)]
  const isDue = task.state === 'pending' && kept.length === 0 && early.length === 0
  const room = isDue ? whyNoRoom(facts) : []
  const keeps = [...kept, ...early, ...nobody, ...room]
  return [
    ...keeps,
    ...(keeps.length === 0 ? [{ code: 'next' } as const] : []),
    ...(isDue ? retrying(facts) : []),
    ...suspect(facts),
    ...keyHeld(facts),
    ...timeLimits(facts, 'ahead'),
  ]
}

function whyHeld({ task: { held, history } }: TaskFacts): readonly Reason[] {
  if (!held) return []
  return [{ code: 'held', at: history.findLast(({ event }) => event === 'held')?.at ?? null }]
}

function whyBlocked({ task, standing, parents }: TaskFacts): readonly Reason[] {
  if (task.state === 'waiting') return [{ code: 'parked' }]
  if (task.state !== 'blocked') return []
  const gate = standing?.gate ?? null
  const behindGate: readonly Reason[] = gate === null ? [] : [{ code: 'gate', gate }]
  const live = parents.filter(({ state }) => WAITED_FOR.has(state))
  if (live.length > 0)
    return [...behindGate, { code: 'waits-for', parents: live.slice(0, NAMED_MAX), count: live.length }]
  return gate === null ? [{ code: 'parents-ended' }] : behindGate
}

const WAITED_FOR: ReadonlySet<string> = new Set(['blocked', 'pending', 'running', 'waiting'])

function whyNotFirst({ task, first }: TaskFacts): readonly Reason[] {
  if (first === null) return []
  return [{ code: 'strict-order', partition: task.lane?.partition ?? null, behind: first }]
}

/** What set its due time last. */
const SETS_TIME: ReadonlySet<HistoryEvent> = new Set(['enqueued', 'retry', 'crashed', 'snoozed', 'restarted'])

function whyEarly({ now, task }: TaskFacts): readonly Reason[] {
  const { state, runAt: dueAt, history, counters, error } = task
  if (state !== 'pending' || dueAt <= now) return []
  switch (history.findLast(({ event }) => SETS_TIME.has(event))?.event) {
    case 'retry':
      return [
        {
          code: 'backoff',
          dueAt,
          attempt: counters.failures + 1,
          attempts: attemptsMax(task),
          error: briefOf(error),
        },
      ]
    case 'crashed':
      return [{ code: 'crash-backoff', dueAt, crashes: counters.crashes }]
    case 'snoozed':
      return [{ code: 'snoozed', dueAt }]
    default:
      return [{ code: 'due-later', dueAt }]
  }
}

function whyPaused({ task: { queue }, standing }: TaskFacts): readonly Reason[] {
  const paused = standing?.paused ?? null
  return paused === null ? [] : [{ code: 'queue-paused', queue, ...paused }]
}
