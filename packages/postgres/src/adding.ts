/** Enqueues: runs of ordinary tasks with one statement, everything else group by group in a transaction. */
import {
  checkReplacements,
  NOTHING,
  StoreError,
  type AddRequest,
  type GroupAnswer,
  type TaskGroup,
  type TaskSpec,
} from '@millrace/core/store'
import { int4s, int8s, texts, uuids } from './arrays.ts'
import { behindEffect, SQLSTATE, sqlstateOf } from './errors.ts'
import { foresee, type Foresight } from './foresight.ts'
import { addGroup, asLeft, replacesAny } from './groups.ts'
import { spotOf } from './lanes.ts'
import { routeName, termsName } from './names.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import { isEmpty, sizeOf } from './payloads.ts'
import { tellDependents } from './dependents.ts'
import { ADD_READY, ADD_READY_IN_LANES, MARK_LANES, REMEMBER_REPEATED } from './statements/adding.ts'

const CREATED = { outcome: 'created' } as const
const BUSY: GroupAnswer = { outcome: 'busy' }

export async function add(home: Home, request: AddRequest): Promise<readonly GroupAnswer[]> {
  checkReplacements(request.groups)
  await nameAll(home, request.groups)
  const answers: GroupAnswer[] = []
  for (const { ordinary, groups } of runsOf(request)) {
    const addRun = async (): Promise<readonly GroupAnswer[]> =>
      (ordinary ? await addOrdinary(home, groups) : null) ?? addSpecial(home, groups, request.again)
    answers.push(...(await (answers.length === 0 ? addRun() : behindEffect(addRun))))
  }
  return answers
}

/** Names are there before the transactions that need them, and stay whatever becomes of those. */
export async function nameAll({ names, database }: Home, groups: readonly TaskGroup[]): Promise<void> {
  const [queues, routes, terms] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const withLanes = new Set<string>()
  for (const { tasks } of groups) {
    for (const { queue, type, needs, policy, timeoutMs, lane } of tasks) {
      queues.add(queue)
      if (lane !== null) withLanes.add(queue)
      routes.add(routeName(type, needs))
      terms.add(termsName(policy, timeoutMs))
    }
  }
  await names.queues.name([...queues])
  await names.routes.name([...routes])
  await names.terms.name([...terms])
  const unmarked = [...withLanes]
    .map((queue) => names.queues.key(queue))
    .filter((key) => !names.withLanes.has(key))
  if (unmarked.length === 0) return
  await database.run(MARK_LANES, [int4s(unmarked)])
  for (const key of unmarked) names.withLanes.add(key)
}

interface Run {
  readonly ordinary: boolean
  readonly groups: TaskGroup[]
}

/** Groups that stand together and are of one kind. */
function runsOf({ groups, again }: AddRequest): readonly Run[] {
  const runs: Run[] = []
  for (const group of groups) {
    const ordinary = !again && isOrdinary(group)
    const last = runs.at(-1)
    if (last?.ordinary === ordinary) last.groups.push(group)
    else runs.push({ ordinary, groups: [group] })
  }
  return runs
}

function isOrdinary({ tasks, under, gate }: TaskGroup): boolean {
  return under === null && gate === null && tasks.every(isOrdinaryTask)
}

function isOrdinaryTask(spec: TaskSpec): boolean {
  const { due, held, idMadeBy, unique, after, startByMs, deadlineMs, payload, tags, lane } = spec
  const plain = 'inMs' in due && due.inMs === 0 && !held && idMadeBy === 'client' && unique === null
  if (
    !plain ||
    lane?.fifo === true ||
    after.length > 0 ||
    startByMs !== null ||
    deadlineMs !== null ||
    tags.length > 0
  )
    return false
  return isEmpty(spec.metadata) && isEmpty(spec.headers) && typeof payload === 'string'
}

/** @returns `null`: an id is taken, and nothing was written */
async function addOrdinary(home: Home, groups: readonly TaskGroup[]): Promise<readonly GroupAnswer[] | null> {
  const { database, names } = home
  const tasks = groups.flatMap((group) => group.tasks)
  if (tasks.length > 0) {
    const values: unknown[] = [
      database.seen,
      uuids(tasks.map(({ id }) => id)),
      int4s(tasks.map(({ queue }) => names.queues.key(queue))),
      int4s(tasks.map(({ type, needs }) => names.routes.key(routeName(type, needs)))),
      int4s(tasks.map(({ policy, timeoutMs }) => names.terms.key(termsName(policy, timeoutMs)))),
      int4s(tasks.map(({ level }) => level)),
      int4s(tasks.map(({ payload }) => sizeOf(payload))),
      texts(tasks.map(({ digest }) => digest)),
      texts(tasks.map(({ payload }) => payload as string)),
    ]
    const inLanes = tasks.some(({ lane, dueByMs }) => lane !== null || dueByMs !== null)
    if (inLanes) values.push(...placesOf(tasks))
    const statement = inLanes ? ADD_READY_IN_LANES : ADD_READY
    try {
      const [row] = await database.rows<[now: number, repeated: boolean]>(statement, values)
      database.saw(row![0])
      if (row![1]) return null
    } catch (error) {
      if (sqlstateOf(error) === SQLSTATE.unique) return null
      throw error
    }
    home.tell({ ...NOTHING, ready: true })
  }
  return groups.map((group) => ({ outcome: 'added', tasks: group.tasks.map(() => CREATED) }))
}

function placesOf(tasks: readonly TaskSpec[]): readonly Buffer[] {
  const spots = tasks.map(({ lane }) => spotOf(lane))
  return [
    int8s(spots.map(({ partition }) => partition)),
    int8s(spots.map(({ lane }) => lane)),
    texts(spots.map(({ text }) => text)),
    int8s(tasks.map(({ dueByMs }) => dueByMs ?? -1)),
  ]
}

/**
 * All groups in one transaction. If a lock is in the way of it, each by itself, so that only those are busy that
 * it concerns.
 */
async function addSpecial(
  home: Home,
  groups: readonly TaskGroup[],
  again: boolean,
): Promise<readonly GroupAnswer[]> {
  try {
    return await addTogether(home, groups, again)
  } catch (error) {
    if (!isBusy(error)) throw error
    if (groups.length === 1) return [BUSY]
  }
  const answers: GroupAnswer[] = []
  for (const group of groups) {
    try {
      const addOne = (): Promise<readonly GroupAnswer[]> => addTogether(home, [group], again)
      answers.push(...(await (answers.length === 0 ? addOne() : behindEffect(addOne))))
    } catch (error) {
      if (!isBusy(error)) throw error
      answers.push(BUSY)
    }
  }
  return answers
}

function isBusy(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'store-busy' || sqlstateOf(error) === SQLSTATE.unique)
}

function addTogether(
  home: Home,
  groups: readonly TaskGroup[],
  again: boolean,
): Promise<readonly GroupAnswer[]> {
  return inPass(home, async (pass) => {
    const answers: GroupAnswer[] = []
    const foresight = await foresee(pass, groups)
    for (const [index, group] of groups.entries()) {
      answers.push(await addWhole(pass, foresight, group))
      // whoever names a task behind a gate once more takes it along
      if (group.gate !== null && index < groups.length - 1) await foresight.writeForLater(pass)
    }
    await foresight.write(pass)
    if (again) await rememberRepeated(pass, foresight.drawnIds)
    await tellDependents(pass)
    return answers
  })
}

/** One group, and what its newcomers do to those who waited for whom they replace: these are told before anything else. */
export async function addWhole(pass: Pass, foresight: Foresight, group: TaskGroup): Promise<GroupAnswer> {
  const answer = await addGroup(pass, foresight, group)
  if (!replacesAny(answer)) return answer
  if (pass.ended.length > 0) {
    await foresight.writeForLater(pass)
    await tellDependents(pass)
  }
  return asLeft(foresight, answer)
}

/** How long the first copy of a request may be under way when its repeat is there. */
const UNDER_WAY_MS = 15 * 60_000

async function rememberRepeated({ connection, now }: Pass, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await connection.run(REMEMBER_REPEATED, [uuids(ids), now + UNDER_WAY_MS])
}
