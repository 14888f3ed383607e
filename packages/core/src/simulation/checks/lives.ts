/** Lives again what a task's history says, by the lifecycle: what it does not allow never happened, or was miscounted. */
import {
  claimsAddUp,
  countersAfter,
  LIFECYCLE,
  NO_COUNTERS,
  openClaimsAfter,
  step,
  type OpenClaims,
  type Operation,
  type Place,
} from '../../policy/lifecycle.ts'
import { isCutShort, type Book } from './book.ts'
import type { Counters, HistoryEntry, HistoryEvent, TaskRecord } from '../../store/records.ts'
import type { Violation } from '../checker.ts'

/** Where a task may stand: an entry does not always tell which operation wrote it. */
interface Stand {
  readonly place: Place
  readonly epoch: number
  readonly counters: Counters
  readonly openClaims: OpenClaims
  readonly cancelRequested: boolean
  /** In whose hands it is. */
  readonly session: string | null
}

const BORN: Stand = {
  place: 'absent',
  epoch: 0,
  counters: NO_COUNTERS,
  openClaims: 0,
  cancelRequested: false,
  session: null,
}

const OPERATIONS = Object.keys(LIFECYCLE) as readonly Operation[]

export function checkLives({ history }: Book): readonly Violation[] {
  return history.final.tasks.flatMap((task) => (isCutShort(task) ? [] : judge(task)))
}

function judge(task: TaskRecord): readonly Violation[] {
  let stands: readonly Stand[] = [BORN]
  for (const entry of task.history) {
    const next = unique(stands.flatMap((stand) => after(stand, entry)))
    if (next.length === 0) return [illegal(task, entry, stands)]
    stands = next
  }
  return atTheEnd(task, stands)
}

function atTheEnd(task: TaskRecord, stands: readonly Stand[]): readonly Violation[] {
  const { id, state, epoch, counters } = task
  const there = stands.filter((stand) => stand.place === state && stand.epoch === epoch)
  if (there.length === 0) {
    const [last] = stands
    const says = `Task ${id} is ${state} under epoch ${epoch}, but its history ends ${last?.place} under epoch ${last?.epoch}.`
    return [{ code: 'illegal-transition', task: id, says }]
  }
  if (there.some((stand) => isSame(stand.counters, counters) && claimsAddUp(counters, stand.openClaims)))
    return []
  const says = `Task ${id} counts ${shown(counters)}, but its history comes to ${shown(there[0]!.counters)}.`
  return [{ code: 'counts', task: id, says }]
}

/** Where a task may stand behind an entry of its history. */
function after(stand: Stand, entry: HistoryEntry): readonly Stand[] {
  return OPERATIONS.flatMap((operation) => {
    const taken = step(stand.place, operation, stand.cancelRequested)
    if (taken === null || taken.event !== entry.event) return []
    const epoch = stand.epoch + (taken.newEpoch ? 1 : 0)
    if (epoch !== entry.epoch) return []
    const takes = operation === 'claim' || operation === 'reclaim'
    // whoever ends a run does so in the name of the session that holds it
    if (stand.place === 'running' && !takes && entry.session !== null && entry.session !== stand.session)
      return []
    const next: Stand = {
      place: taken.to,
      epoch,
      counters: countersAfter(stand.counters, taken),
      openClaims: openClaimsAfter(stand.openClaims, stand.place, taken),
      cancelRequested: asked(stand, operation),
      session: takes ? entry.session : stand.session,
    }
    return [next]
  })
}

function asked({ cancelRequested }: Stand, operation: Operation): boolean {
  return operation === 'request-cancel' || (cancelRequested && operation !== 'restart')
}

function unique(stands: readonly Stand[]): readonly Stand[] {
  if (stands.length < 2) return stands
  return [...new Map(stands.map((stand) => [JSON.stringify(stand), stand])).values()]
}

function isSame(one: Counters, other: Counters): boolean {
  return (Object.keys(NO_COUNTERS) as readonly (keyof Counters)[]).every((name) => one[name] === other[name])
}

function shown(counters: Counters): string {
  const counted = Object.entries(counters).filter(([, count]) => count !== 0)
  return counted.length === 0 ? 'nothing' : counted.map(([name, count]) => `${name} ${count}`).join(', ')
}

const WAYS_BACK: ReadonlySet<HistoryEvent> = new Set(['retry', 'crashed', 'snoozed', 'returned'])

function illegal({ id }: TaskRecord, entry: HistoryEntry, stands: readonly Stand[]): Violation {
  const [from] = stands
  const { event, epoch } = entry
  const though =
    WAYS_BACK.has(event) && from?.cancelRequested === true ? ' although it was asked to cancel' : ''
  const says = `Task ${id} was ${event} under epoch ${epoch}, while it was ${from?.place} under epoch ${from?.epoch}${though}.`
  return { code: 'illegal-transition', task: id, says }
}
