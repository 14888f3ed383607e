/** Leases: who has none is given nothing, who has one keeps its tasks, and what it lists is not taken for a stray. */
import { isCutShort, type Book } from './book.ts'
import type { HistoryEntry, SessionId, TaskRecord } from '../../store/records.ts'
import type { Violation } from '../checker.ts'
import type { Lease } from '../history.ts'

type Leases = ReadonlyMap<SessionId, readonly Lease[]>

export function checkLeases(book: Book): readonly Violation[] {
  const { history, bounds } = book
  // a store that went back knows other leases than those that it told of
  if (history.leases === undefined || bounds.forgotten !== undefined) return []
  const leases: Leases = Map.groupBy(history.leases, ({ session }) => session)
  return [
    ...[...leases.values()].flatMap(revived),
    ...history.final.tasks.flatMap((task) =>
      isCutShort(task) ? [] : [...takes(leases, task), ...strays(book, leases, task)],
    ),
  ]
}

/** A lease that lapsed stays lapsed. */
function revived(own: readonly Lease[]): readonly Violation[] {
  return own.flatMap((lease, index) => {
    const before = own[index - 1]
    if (lease.by === 'closeSession' || before === undefined || lease.at < before.until) return []
    const says = `The lease of session ${lease.session} was extended ${lease.at - before.until} ms after it had lapsed.`
    return [{ code: 'dead-session', task: null, says }]
  })
}

/** Whether a session's lease held at that time. */
function held(leases: Leases, session: SessionId, at: number): 'held' | 'lapsed' | 'either' {
  const own = leases.get(session) ?? []
  const before = own.findLast((lease) => lease.at < at)
  const around = own.filter((lease) => lease.at === at)
  // within one millisecond nobody can tell what was first
  const answers = new Set([before, ...around].map((lease) => lease !== undefined && lease.until > at))
  if (answers.size === 2) return 'either'
  return answers.has(true) ? 'held' : 'lapsed'
}

function takes(leases: Leases, { id, history }: TaskRecord): readonly Violation[] {
  const found: Violation[] = []
  let owner: SessionId | null = null
  for (const { event, session, at, detail } of history) {
    if (event !== 'claimed' && event !== 'reclaimed') continue
    if (session !== null && held(leases, session, at) === 'lapsed') {
      const says = `Task ${id} was given to session ${session}, whose lease had lapsed.`
      found.push({ code: 'dead-session', task: id, says })
    }
    if (
      detail === 'lapsed' &&
      event === 'reclaimed' &&
      owner !== null &&
      held(leases, owner, at) === 'held'
    ) {
      const says = `Task ${id} was taken from session ${owner} as if its lease had lapsed, which held.`
      found.push({ code: 'crash-on-live-lease', task: id, says })
    }
    // what was taken over keeps its cause, and may be taken once more as a stray
    owner = event === 'claimed' ? session : null
  }
  return found
}

/** What came back without its worker's word was not listed by two renewals in a row. */
function strays(book: Book, leases: Leases, task: TaskRecord): readonly Violation[] {
  const { grants, settlements } = book.history
  if (grants === undefined || settlements === undefined) return []
  return task.history.flatMap((entry) => {
    if (entry.event !== 'returned' || entry.session === null) return []
    const { epoch } = entry
    const own = settlements.filter(({ fence }) => fence.task === task.id && fence.epoch === epoch)
    const asked = own.some(({ transition, verdict }) => verdict !== 'stale' && transition.to === 'pending')
    const grant = grants.find(({ fence }) => fence.task === task.id && fence.epoch === epoch)
    if (asked || grant === undefined) return []
    // who settles it knew of it all the time; unless it distrusted its lease by then, it was to list it
    const trusted = leases.get(entry.session)?.some((lease) => lease.by === 'renew' && lease.at > entry.at)
    const known = trusted === true && own.some(({ fence }) => fence.nonce === grant.fence.nonce)
    if (!known && wasMissing(leases, entry, grant.fence)) return []
    const says = `Task ${task.id} was taken back from session ${entry.session} as a stray under epoch ${epoch}, though its worker ${known ? 'had it' : 'listed it'}.`
    return [{ code: 'false-stray', task: task.id, says }]
  })
}

function wasMissing(
  leases: Leases,
  { session, at }: HistoryEntry,
  fence: { readonly task: string; readonly epoch: number; readonly nonce: string },
): boolean {
  const renewals: Lease[] = []
  for (const lease of leases.get(session!) ?? []) {
    const counts = lease.by === 'renew' && (lease.seq ?? 0) > (renewals.at(-1)?.seq ?? 0)
    if (counts && lease.at <= at) renewals.push(lease)
  }
  const isListed = ({ held: own, awaiting }: Lease): boolean =>
    awaiting?.includes(fence.nonce) === true ||
    own?.some((one) => one.fence.task === fence.task && one.fence.epoch === fence.epoch) === true
  return renewals.some(
    (lease, index) => lease.at === at && index > 0 && !isListed(lease) && !isListed(renewals[index - 1]!),
  )
}
