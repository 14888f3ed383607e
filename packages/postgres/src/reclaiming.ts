/** Takes over running tasks that nobody looks after. */
import { int4s, uuids } from './arrays.ts'
import { nonceValue, readCounters } from '@millrace/core/store'
import { causeCode, causeOf, nonceOf } from './codes.ts'
import { behindEffect } from './errors.ts'
import { withLine } from './history.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import { save } from './saving.ts'
import { dropClaims, idsOf, MISSED_MAX, runningAmong, type Running } from './sessions.ts'
import { ADD_CLAIM, CLAIMS_OF_ALL, FIND_SESSION, LOCK_LAPSED, TAKEN_BEFORE } from './statements/sessions.ts'
import { draftOf, isRunning, loadFree, tellClaim, type Task } from './tasks.ts'
import type { CancelRequest, Reclaimed, ReclaimAnswer, ReclaimRequest } from '@millrace/core/store'

export async function reclaim(home: Home, request: ReclaimRequest): Promise<ReclaimAnswer> {
  const tasks = await inPass(home, async (pass) => {
    const [row] = await pass.connection.rows<[key: number, expiresAt: number]>(FIND_SESSION, [
      request.session,
    ])
    if (row === undefined || row[1] <= pass.now) return null
    const before = request.again ? await takenBefore(pass, request, row[0]) : []
    return before.length > 0 ? before : await takeOver(pass, request, row[0])
  })
  if (tasks === null) return { session: 'dead', tasks: [] }
  await behindEffect(async () => {
    await home.names.sessions.learn(tasks.map(({ takenFrom }) => takenFrom ?? 0))
    await home.names.routes.learn(tasks.map(({ route }) => route))
    await home.names.terms.learn(tasks.map(({ terms }) => terms))
  })
  return { session: 'alive', tasks: tasks.map((task) => reclaimed(home, task, request.nonce)) }
}

/** What the same request took over when it came before, as far as that is not settled. */
async function takenBefore(pass: Pass, { nonce }: ReclaimRequest, session: number): Promise<readonly Task[]> {
  const rows = await pass.connection.rows<[string]>(TAKEN_BEFORE, [session, nonceValue(nonce)])
  return lock(
    pass,
    rows.map(([id]) => id),
  )
}

/** What is locked is being settled, or taken over by somebody else. */
async function lock(pass: Pass, ids: readonly string[]): Promise<readonly Task[]> {
  await loadFree(pass, ids)
  const drafts = ids.map((id) => draftOf(pass, id)).filter((draft) => draft !== undefined)
  return drafts.map(({ task }) => task).filter(isRunning)
}

type ClaimRow = readonly [session: number, nonce: string, ids: string, expiresAt: number | null]

async function takeOver(pass: Pass, request: ReclaimRequest, session: number): Promise<readonly Task[]> {
  const { nonce, tasksMax, graceMs } = request
  const claims = await pass.connection.rows<ClaimRow>(CLAIMS_OF_ALL)
  const lapsed = await lapsedAmong(pass, claims)
  const running = await runningAmong(
    pass,
    claims.flatMap((claim) => idsOf(claim[2])),
  )
  await pass.names.terms.learn(
    running.map(({ terms }) => terms),
    pass.connection,
  )
  const judge = (task: Judged): Reclaimed['cause'] | null => causeNow(pass, task, { graceMs, lapsed })
  const found = running.filter((task) => judge(task) !== null).slice(0, tasksMax)
  const taken: Task[] = []
  // the cause is looked at once more, now that nobody else can change it
  for (const task of await lock(
    pass,
    found.map(({ id }) => id),
  )) {
    const cause = judge({ ...task, session: task.session!, cancel: requestOf(task) })
    if (cause === null) continue
    take(pass, task, { cause, session, nonce })
    taken.push(task)
  }
  await save(pass)
  if (taken.length > 0) {
    await pass.connection.run(ADD_CLAIM, [session, nonceValue(nonce), uuids(taken.map(({ id }) => id))])
  }
  const left = new Set(taken.map(({ id }) => id))
  await dropEnded(
    pass,
    claims,
    running.filter(({ id }) => !left.has(id)),
  )
  return taken
}

/** A lease that was read may be renewed at this very moment: what counts is what it is once nobody can. */
async function lapsedAmong(pass: Pass, claims: readonly ClaimRow[]): Promise<ReadonlySet<number>> {
  const gone = claims.filter((claim) => claim[3] === null).map(([key]) => key)
  const late = claims.filter((claim) => claim[3] !== null && claim[3] <= pass.now).map(([key]) => key)
  if (late.length === 0) return new Set(gone)
  const keys = int4s([...new Set(late)])
  const rows = await pass.connection.rows<[key: number]>(LOCK_LAPSED, [keys, pass.now])
  return new Set([...gone, ...rows.map(([key]) => key)])
}

function requestOf({ cancel }: Task): CancelRequest | null {
  return cancel === null ? null : (JSON.parse(cancel) as CancelRequest)
}

/** Records of claims of which nothing runs any more, left by processes that could not clear them away. */
async function dropEnded(
  pass: Pass,
  claims: readonly ClaimRow[],
  running: readonly Running[],
): Promise<void> {
  const alive = new Set(running.map(({ session, nonce }) => `${session} ${nonce}`))
  const ended = claims.filter(([session, nonce]) => !alive.has(`${session} ${nonceOf(nonce)}`))
  await dropClaims(
    pass,
    ended.map(([session, nonce, ids]) => [session, nonce, idsOf(ids).length]),
  )
}

type Judged = Pick<Running, 'session' | 'deadlineAt' | 'cancel' | 'attemptAt' | 'terms' | 'cause' | 'missed'>

/** Why a task may be taken over now; `null`: it may not. */
function causeNow(
  pass: Pass,
  task: Judged,
  { graceMs, lapsed }: { readonly graceMs: number; readonly lapsed: ReadonlySet<number> },
): Reclaimed['cause'] | null {
  const until = pass.now - graceMs
  const isLapsed = lapsed.has(task.session)
  if (task.cause !== null) return isLapsed || task.missed >= MISSED_MAX ? causeOf(task.cause) : null
  if (task.deadlineAt !== null && task.deadlineAt <= until) return 'deadline'
  if (task.cancel !== null && task.cancel.at <= until) return 'cancel'
  if (isLapsed) return 'lapsed'
  const { timeoutMs } = pass.names.terms.value(task.terms)
  if (timeoutMs === null || task.attemptAt === null) return null
  return task.attemptAt + timeoutMs <= until ? 'timeout' : null
}

interface Taking {
  readonly cause: Reclaimed['cause']
  readonly session: number
  readonly nonce: string
}

function take(pass: Pass, task: Task, { cause, session, nonce }: Taking): void {
  tellClaim(task)
  task.epoch += 1
  const { epoch } = task
  task.history = withLine(task.history, { event: 'reclaimed', at: pass.now, epoch, session, detail: cause })
  task.takenFrom = task.session
  task.session = session
  task.nonce = nonce
  task.cause = causeCode(cause)
  task.settled = 0
  task.missed = 0
  task.attemptAt = null
}

function reclaimed({ names }: Home, task: Task, nonce: string): Reclaimed {
  const counters = readCounters(task.counters)
  return {
    fence: { task: task.id, epoch: task.epoch, nonce },
    type: names.routes.value(task.route).type,
    policy: names.terms.value(task.terms).policy,
    // the claim that is being judged has not ended yet
    counters: { ...counters, claims: counters.claims + 1 },
    cause: causeOf(task.cause!),
    from: task.takenFrom === null ? null : names.sessions.value(task.takenFrom),
  }
}
