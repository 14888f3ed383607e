/** Applies what core decided about claims, under their fences. */
import {
  nonceValue,
  STATE,
  LOG_ENTRIES_MAX,
  operationOf,
  underCancelRequest,
  type CancelRequest,
  type LogEntry,
  type Notes,
  type Settlement,
  type Transition,
  type Verdict,
} from '@millrace/core/store'
import { anyEdges } from './dependents.ts'
import { historyLine } from './history.ts'
import { EDGES_OF_CHILDREN_CLOSE, WITH_OPEN_EDGES } from './statements/dependents.ts'
import {
  DROP_PAYLOADS,
  PROBE,
  PROBE_COUNTED,
  READ_NOTES,
  SETTLED_RUNNING,
  STOP_ALL,
  SUCCEED_ALL,
  SUCCEED_ONE,
  VOLUME_BY_QUEUE,
  WRITE_NOTES,
} from './statements/settling.ts'
import { letNextOn } from './places.ts'
import { inSeries } from './series.ts'
import { shut } from './limits.ts'
import { giveBack } from './usages.ts'
import { sizeOf } from './sizes.ts'
import { move, type Move } from './moves.ts'
import { unload } from './loads.ts'
import { addToVolume } from './volumes.ts'
import {
  draftOf,
  putCheckpoint,
  putPayload,
  putResult,
  save,
  seqOf,
  setError,
  tellClaim,
  type Draft,
  type Task,
} from './tasks.ts'
import type { Pass } from './home.ts'
import type { SingleSettlement, Successes } from './wire.ts'

/** What running rows that are settled together have in common. */
interface Probe {
  readonly queues: readonly [least: number, greatest: number]
  readonly claimedAt: number
  readonly session: number
  readonly weight: number
  /** Whether any has texts, or a payload apart. */
  readonly extra: boolean
  /** The usages that count them, each as often as it does; `null`: none. */
  readonly counted: string | null
}

/**
 * Successes under fences that differ in nothing but the task: a few statements for all of them, if they run
 * so and nothing about them is out of the ordinary; else one by one.
 *
 * @returns `null`: all were applied
 */
export function succeed(pass: Pass, successes: Successes, exchangeNonce: string): readonly Verdict[] | null {
  const seqs = `[${successes.seqs}]`
  const probe = probeOf(pass, successes, seqs)
  if (probe === null) return singlesOf(successes).map((single) => settle(pass, single, exchangeNonce))
  const { database, hint } = pass
  countVolumes(pass, successes, { seqs, probe })
  if (pass.budgets.any) unload(pass, seqs)
  giveBack(pass, probe.counted)
  database.run(STOP_ALL, seqs, successes.epoch, nonceValue(successes.nonce))
  writeSuccesses(pass, successes, probe)
  if (probe.extra) database.run(DROP_PAYLOADS, seqs)
  if (anyEdges(pass)) {
    if (probe.extra) database.run(EDGES_OF_CHILDREN_CLOSE, seqs)
    for (const [seq] of database.all<[number]>(WITH_OPEN_EDGES, seqs))
      pass.ended.push({ seq, succeeded: true })
  }
  for (const seq of inSeries(pass, seqs)) letNextOn(pass, { seq })
  hint.settled = true
  return null
}

type ProbeRow = readonly [
  running: number,
  queueMin: number,
  queueMax: number,
  claimedMin: number,
  claimedMax: number,
  session: number,
  weight: number,
  told: number,
  extra: number,
  counted: string | null,
]

function probeOf({ database, limits }: Pass, { count, epoch, nonce }: Successes, seqs: string): Probe | null {
  const statement = limits.counting ? PROBE_COUNTED : PROBE
  const row = database.get<ProbeRow>(statement, seqs, epoch, nonceValue(nonce))!
  const [running, queueMin, queueMax, claimedMin, claimedMax, session, weight, told, extra, counted] = row
  if (running !== count || claimedMin !== claimedMax || told !== 0) return null
  return {
    queues: [queueMin, queueMax],
    claimedAt: claimedMin,
    session,
    weight,
    extra: extra !== 0,
    counted,
  }
}

function resultSizes({ result, count }: Successes): number {
  if (typeof result === 'string') return sizeOf(result) * count
  let sum = 0
  for (const one of result ?? []) sum += one === null ? 0 : sizeOf(one)
  return sum
}

function countVolumes(
  pass: Pass,
  successes: Successes,
  { seqs, probe }: { seqs: string; probe: Probe },
): void {
  const { queues, weight } = probe
  const at = pass.now
  const results = resultSizes(successes)
  const { count } = successes
  if (queues[0] === queues[1]) {
    addToVolume(pass, { queue: queues[0], state: STATE.succeeded, at, count, bytes: weight + results })
    return
  }
  const perResult = typeof successes.result === 'string' ? sizeOf(successes.result) : 0
  const rows = pass.database.all<[queue: number, count: number, weight: number]>(VOLUME_BY_QUEUE, seqs)
  for (const [queue, of, ownWeight] of rows) {
    addToVolume(pass, { queue, state: STATE.succeeded, at, count: of, bytes: ownWeight + of * perResult })
  }
}

function writeSuccesses({ database, now }: Pass, successes: Successes, { claimedAt, session }: Probe): void {
  const { epoch, settled, result } = successes
  const nonce = nonceValue(successes.nonce)
  const lines =
    historyLine({ event: 'claimed', at: claimedAt, epoch, session }) +
    historyLine({ event: 'succeeded', at: now, epoch, session })
  if (result === null || typeof result === 'string') {
    const size = result === null ? 0 : sizeOf(result)
    database.run(SUCCEED_ALL, epoch, now, nonce, settled, result, size, lines, `[${successes.seqs}]`)
    return
  }
  for (const [index, seq] of successes.seqs.split(',').entries()) {
    const own = result[index]!
    const size = own === null ? 0 : sizeOf(own)
    database.run(SUCCEED_ONE, epoch, now, nonce, settled, own, size, lines, Number(seq))
  }
}

function singlesOf({ seqs, epoch, nonce, settled, result }: Successes): readonly SingleSettlement[] {
  return seqs.split(',').map((seq, index) => {
    const own = result === null || typeof result === 'string' ? result : result[index]!
    const fence = { task: '', epoch, nonce }
    return {
      seq: Number(seq),
      settlement: { fence, seq: settled, transition: { to: 'succeeded', result: own }, notes: null },
    }
  })
}

/** @param exchangeNonce that of the exchange which brings the settlement */
export function settle(pass: Pass, single: SingleSettlement, exchangeNonce: string): Verdict {
  const { settlement } = single
  const { fence, seq: number, transition } = settlement
  const seq = single.seq === 0 ? seqOf(pass, fence.task) : single.seq
  const draft = seq === undefined ? undefined : draftOf(pass, seq)
  if (draft === undefined) return 'stale'
  const { task } = draft
  const runs = task.owner !== null
  const epoch = runs ? task.runEpoch : task.epoch
  const nonce = runs ? task.runNonce : task.nonce
  if (epoch !== fence.epoch || nonce !== fence.nonce) {
    // this very exchange settled it and then claimed it anew, but was not answered
    return runs && nonce === exchangeNonce ? 'applied' : 'stale'
  }
  const settled = runs ? task.runSettled! : task.settled!
  if (!runs && number !== settled) return 'stale'
  // the same once more, or a late copy of one before it: what it says was applied
  if (number <= settled) return verdictOn(draft, transition)
  takeNotes(pass, draft, settlement.notes)
  apply(pass, draft, settlement)
  return verdictOn(draft, transition)
}

function verdictOn({ task }: Draft, transition: Transition): Verdict {
  return transition.to !== 'cancelled' && task.state === STATE.cancelled ? 'cancelled' : 'applied'
}

function takeNotes({ database }: Pass, { task }: Draft, notes: Notes | null): void {
  if (notes === null || (notes.progress === null && notes.logs.length === 0)) return
  const old = database.get<[fraction: number | null, message: string | null, logs: string]>(
    READ_NOTES,
    task.seq,
  )
  const logs = old === undefined ? [] : (JSON.parse(old[2]) as LogEntry[])
  logs.push(...notes.logs.slice(-LOG_ENTRIES_MAX))
  const kept = JSON.stringify(logs.slice(-LOG_ENTRIES_MAX))
  const fraction = notes.progress?.fraction ?? old?.[0] ?? null
  const message = notes.progress === null ? (old?.[1] ?? null) : notes.progress.message
  database.run(WRITE_NOTES, task.seq, fraction, message, kept)
  task.weight += kept.length - (old?.[2].length ?? 0)
}

function apply(pass: Pass, draft: Draft, { seq: number, transition }: Settlement): void {
  const { task } = draft
  if (transition.to === 'running') {
    if (transition.checkpoint !== null) putCheckpoint(pass, task, transition.checkpoint)
    // its row has changed, so it is settled by itself later
    tellClaim(draft)
    save(pass, draft)
    pass.database.run(SETTLED_RUNNING, number, task.seq)
    return
  }
  const landed = task.cancel === null ? transition : underCancelRequest(transition)
  // from now on the row tells under which fence, and by which settlement, the claim ended
  task.nonce = task.runNonce
  task.settled = number
  const operation = operationOf(landed)
  move(pass, draft, { operation, by: task.owner, ...outcomeOf(pass, task, landed) })
  save(pass, draft)
}

/** What a transition brings with it, written down; and what the history says of it. */
function outcomeOf(pass: Pass, task: Task, transition: Transition): Pick<Move, 'detail' | 'reason'> {
  if ('shut' in transition && transition.shut !== undefined) shut(pass, transition.shut)
  switch (transition.to) {
    case 'succeeded':
      setError(task, null)
      putPayload(pass, task, null)
      putResult(pass, task, transition.result)
      return {}
    case 'failed':
      setError(task, transition.error)
      return { reason: transition.reason, detail: transition.reason }
    case 'cancelled':
      if (transition.error !== null) setError(task, transition.error)
      return { detail: cancelReason(task) }
    case 'pending': {
      const { delayMs, error } = transition
      if (error !== null) setError(task, error)
      if (delayMs !== null) task.runAt = pass.now + delayMs
      return { detail: error?.name ?? (delayMs === null ? null : String(delayMs)) }
    }
    case 'running':
      return {}
  }
}

/** Why somebody asked the task to stop, if anybody did. */
export function cancelReason({ cancel }: Task): string | null {
  return cancel === null ? null : (JSON.parse(cancel) as CancelRequest).reason
}
