/** Takes over running tasks that nobody looks after. */
import { nonceValue, readCounters } from '@millrace/core/store'
import { idFromHex } from './codes.ts'
import { aliveKey } from './sessions.ts'
import { ABANDONED, READ_TAKEN, TAKE_OVER, TAKEN_BEFORE } from './statements/sessions.ts'
import { draftOf, save, tellClaim } from './tasks.ts'
import { historyLine } from './history.ts'
import type { Reclaimed, ReclaimAnswer, ReclaimRequest, TaskPolicy } from '@millrace/core/store'
import type { Pass } from './home.ts'

/** In the order in which they are looked at; `statements/sessions.ts` has them as numbers. */
const CAUSES: readonly Reclaimed['cause'][] = ['deadline', 'cancel', 'lapsed', 'timeout']

export function reclaim(pass: Pass, request: ReclaimRequest): ReclaimAnswer {
  const session = aliveKey(pass, request.session)
  if (session === null) return { session: 'dead', tasks: [] }
  const before = request.again ? takenBefore(pass, request, session) : []
  const seqs = before.length > 0 ? before : takeOver(pass, request, session)
  return { session: 'alive', tasks: seqs.map((seq) => read(pass, seq, request.nonce)) }
}

/** What the same request took over when it came before, as far as that is not settled. */
function takenBefore({ database }: Pass, { nonce }: ReclaimRequest, session: number): readonly number[] {
  return database.all<[number]>(TAKEN_BEFORE, session, nonceValue(nonce)).map(([seq]) => seq)
}

function takeOver(
  pass: Pass,
  { nonce, graceMs, tasksMax }: ReclaimRequest,
  session: number,
): readonly number[] {
  const { database, now } = pass
  const rows = database.all<[seq: number, cause: number]>(ABANDONED, now, graceMs, tasksMax)
  for (const [seq, cause] of rows) {
    const draft = draftOf(pass, seq)!
    tellClaim(draft)
    const epoch = draft.task.runEpoch! + 1
    draft.lines += historyLine({ event: 'reclaimed', at: now, epoch, session, detail: CAUSES[cause]! })
    save(pass, draft)
    database.run(TAKE_OVER, session, nonceValue(nonce), cause, seq)
  }
  return rows.map(([seq]) => seq)
}

interface TakenRow {
  readonly id: string
  readonly epoch: number
  readonly route: number
  readonly terms: number
  readonly counters: string | null
  readonly cause: number
  readonly takenFrom: string | null
}

function read({ database, names }: Pass, seq: number, nonce: string): Reclaimed {
  const row = database.object<TakenRow>(READ_TAKEN, seq)!
  const [policy] = JSON.parse(names.termsOf(row.terms)) as [policy: TaskPolicy]
  const counters = readCounters(row.counters)
  return {
    fence: { task: idFromHex(row.id), epoch: row.epoch, nonce },
    type: names.routeOf(row.route).type,
    policy,
    // the claim that is being judged has not ended yet
    counters: { ...counters, claims: counters.claims + 1 },
    cause: CAUSES[row.cause]!,
    from: row.takenFrom,
  }
}
