/** The scripts as they are sent: what each needs of the rest, and whether it may run when the memory is full. */
import { createHash } from 'node:crypto'
import { ADD, ADDING } from './adding.ts'
import * as auditing from './audit.ts'
import { AUDIT_COUNTS, AUDIT_LIMITS } from './audit-counts.ts'
import * as budgeting from './budgets.ts'
import { CLAIM, CLAIMING, CLOSER, EXCHANGE } from './claiming.ts'
import { CANCELLING, COMMAND, CONFIGURE } from './commanding.ts'
import { DEPENDENTS, GATES } from './dependents.ts'
import * as inspection from './inspection.ts'
import { FORGET_LANES, INTERN_LANES, LANE_BYTES, LANES_NAMED, LANES_THERE, STANDING } from './lanes.ts'
import * as limits from './limits.ts'
import { LIVES } from './lives.ts'
import { INTERN, NAMES, OPEN_HOME, SHIFT_CLOCK } from './names.ts'
import { LOGS, OPENING } from './opening.ts'
import { LANES, PLACES } from './places.ts'
import { CLAIM_LANE, CLAIM_ORDERED } from './ready.ts'
import { RECLAIM, RECLAIMING } from './reclaiming.ts'
import { FLAGS, HISTORY, RECORDS } from './records.ts'
import { CLOSE_SESSION, OPEN_SESSION, ORDER_SESSION, RENEW, RENEW_BLIND, REPEATS } from './sessions.ts'
import { SERIES } from './series.ts'
import * as locking from './locks.ts'
import * as plans from './schedules.ts'
import { SETTLE_ALL, SETTLING } from './settling.ts'
import { STANDING_ONE } from './standing.ts'
import { TURNS } from './turns.ts'
import { DELIVER, OPEN_GATE, PRUNE, SWEEP } from './upkeep.ts'

export interface Script {
  readonly name: string
  readonly source: string
  readonly sha: string
}

/** What is refused while the memory is full: only new tasks. Workers must be able to open the store, and to finish. */
type Memory = 'needs memory' | 'any memory' | 'reads'

const ALLOWED: Readonly<Record<Memory, string>> = {
  'needs memory': '',
  'any memory': ' flags=allow-oom',
  reads: ' flags=no-writes,allow-oom',
}

function script(name: string, memory: Memory, parts: readonly string[]): Script {
  const source = `#!lua${ALLOWED[memory]}\n${parts.join('\n')}`
  return { name, source, sha: createHash('sha1').update(source).digest('hex') }
}

/**
 * Functions that most calls do not need: `more()`, say, makes them when the first of them is needed, since making a
 * hundred closures takes longer than to claim a task.
 */
function lazy(call: string, parts: readonly string[], names: readonly string[]): string {
  const made = `made_${call}`
  const all = names.map((name) => `${name} = ${name}`).join(', ')
  return `local ${made}\nlocal function ${call}()\nif ${made} then return ${made} end\n${parts.join('\n')}\n${made} = { ${all} }\nreturn ${made}\nend`
}

const FLOW = lazy(
  'flow',
  [limits.LIMITING],
  [
    'giveBack',
    'isIdle',
    'limitFor',
    'limitNamed',
    'namesOn',
    'opensAt',
    'readUsage',
    'roomUnder',
    'shut',
    'usagesOn',
    'use',
    'writeLimit',
  ],
)
/** Where tasks stand, and what holds them back. */
const LINES = [
  LANE_BYTES,
  budgeting.HOLDING,
  'local lanes',
  LANES,
  lazy(
    'standing',
    [STANDING],
    ['addUsers', 'dropUser', 'fallDue', 'leaveRing', 'stand', 'standBy', 'standNoMore'],
  ),
  'lanes = standing',
  FLOW,
]
const READING = [OPENING, LOGS, FLAGS, RECORDS]
const LIVING = [HISTORY, SERIES, PLACES, LIVES, DEPENDENTS]
const MOVING = [...READING, ...LINES, ...LIVING]

export const add: Script = script('add', 'needs memory', [
  OPENING,
  LOGS,
  FLAGS,
  ...LINES,
  lazy('more', [RECORDS, ...LIVING, GATES, ADDING], ['addBehind', 'addGroup', 'addOneByOne']),
  LANES_THERE,
  ADD,
])
export const exchange: Script = script('exchange', 'any memory', [
  OPENING,
  LOGS,
  FLAGS,
  ...LINES,
  CLAIMING,
  lazy(
    'more',
    [RECORDS, ...LIVING, SETTLING, CLOSER],
    ['settle', 'closer', 'claimedBefore', 'takeKeys', 'tellDependents'],
  ),
  SETTLE_ALL,
  REPEATS,
  CLAIM_LANE,
  lazy('turns', [CLAIM_ORDERED, TURNS], ['anyInRings', 'claimInTurns']),
  CLAIM,
  EXCHANGE,
])
export const reclaim: Script = script('reclaim', 'any memory', [
  ...READING,
  ...LINES,
  HISTORY,
  SERIES,
  PLACES,
  RECLAIMING,
  REPEATS,
  RECLAIM,
])
export const openSession: Script = script('openSession', 'any memory', [OPENING, OPEN_SESSION])
export const orderSession: Script = script('orderSession', 'any memory', [OPENING, ORDER_SESSION])
export const closeSession: Script = script('closeSession', 'any memory', [OPENING, CLOSE_SESSION])
export const renew: Script = script('renew', 'any memory', [...MOVING, RECLAIMING, RENEW])
export const renewBlind: Script = script('renewBlind', 'any memory', [OPENING, FLAGS, RENEW_BLIND])
export const sweep: Script = script('sweep', 'any memory', [...MOVING, GATES, SWEEP])
export const deliver: Script = script('deliver', 'any memory', [...MOVING, GATES, DELIVER])
export const openGate: Script = script('openGate', 'any memory', [...MOVING, GATES, OPEN_GATE])
export const prune: Script = script('prune', 'any memory', [
  ...MOVING,
  FORGET_LANES,
  limits.FORGET_KEYS,
  budgeting.FORGET_SPENDINGS,
  PRUNE,
])
export const command: Script = script('command', 'any memory', [...MOVING, SETTLING, CANCELLING, COMMAND])
export const configureQueue: Script = script('configureQueue', 'any memory', [OPENING, LOGS, CONFIGURE])
export const putSchedule: Script = script('putSchedule', 'needs memory', [OPENING, LOGS, plans.PUT_SCHEDULE])
export const removeSchedule: Script = script('removeSchedule', 'any memory', [OPENING, plans.REMOVE_SCHEDULE])
export const schedule: Script = script('schedule', 'reads', [OPENING, plans.SCHEDULE])
export const schedules: Script = script('schedules', 'reads', [OPENING, plans.SCHEDULES])
export const dueSchedules: Script = script('dueSchedules', 'reads', [OPENING, plans.DUE_SCHEDULES])
export const tick: Script = script('tick', 'needs memory', [
  ...MOVING,
  GATES,
  ADDING,
  CANCELLING,
  LANES_THERE,
  plans.TICK,
])
export const acquireLock: Script = script('acquireLock', 'any memory', [OPENING, locking.ACQUIRE_LOCK])
export const renewLock: Script = script('renewLock', 'any memory', [OPENING, locking.RENEW_LOCK])
export const releaseLock: Script = script('releaseLock', 'any memory', [OPENING, locking.RELEASE_LOCK])
export const locks: Script = script('locks', 'reads', [OPENING, locking.LOCKS])
export const get: Script = script('get', 'reads', [...READING, inspection.GET])
export const outcomes: Script = script('outcomes', 'reads', [
  ...READING,
  ...LINES,
  HISTORY,
  SERIES,
  PLACES,
  LIVES,
  inspection.OUTCOMES,
])
export const page: Script = script('page', 'reads', [...READING, inspection.PAGE])
export const queues: Script = script('queues', 'reads', [
  ...READING,
  LANE_BYTES,
  inspection.READY,
  inspection.QUEUES,
])
export const waiting: Script = script('waitingRoutes', 'reads', [
  ...READING,
  LANE_BYTES,
  inspection.READY,
  inspection.WAITING,
])
export const dueSoon: Script = script('dueSoon', 'reads', [OPENING, inspection.DUE_SOON])
export const standing: Script = script('standing', 'reads', [...READING, LANE_BYTES, SERIES, STANDING_ONE])
export const sessions: Script = script('sessions', 'reads', [OPENING, inspection.SESSIONS])
export const definitions: Script = script('definitions', 'reads', [OPENING, inspection.DEFINITIONS])
export const timeNow: Script = script('now', 'reads', [OPENING, inspection.TIME_NOW])
export const intern: Script = script('intern', 'any memory', [OPENING, INTERN])
export const names: Script = script('names', 'reads', [OPENING, NAMES])
export const internLanes: Script = script('internLanes', 'any memory', [OPENING, INTERN_LANES])
export const lanesNamed: Script = script('lanesNamed', 'reads', [OPENING, LANES_NAMED])
const LIMITS = [OPENING, LOGS, LANE_BYTES, FLOW]
export const configureLimit: Script = script('configureLimit', 'any memory', [
  ...LIMITS,
  limits.COUNTING,
  limits.CONFIGURE_LIMIT,
])
export const removeLimit: Script = script('removeLimit', 'any memory', [OPENING, LOGS, limits.REMOVE_LIMIT])
export const limitsListed: Script = script('limits', 'reads', [...LIMITS, limits.LIMITS_LISTED])
export const recount: Script = script('recount', 'any memory', [...LIMITS, limits.COUNTING, limits.RECOUNT])
export const configurePartition: Script = script('configurePartition', 'any memory', [
  OPENING,
  limits.CONFIGURE_PARTITION,
])
export const partitions: Script = script('partitions', 'reads', [OPENING, limits.PARTITIONS])
export const configureBudget: Script = script('configureBudget', 'any memory', [
  OPENING,
  budgeting.CONFIGURE_BUDGET,
])
export const budgets: Script = script('budgets', 'reads', [OPENING, budgeting.BUDGETS])
export const usage: Script = script('usage', 'reads', [OPENING, budgeting.USAGE])
export const spend: Script = script('spend', 'any memory', [OPENING, budgeting.SPEND])
export const openHome: Script = script('openHome', 'any memory', [OPEN_HOME])
export const shiftClock: Script = script('shiftClock', 'any memory', [SHIFT_CLOCK])

/** A look, and the same with leave to write. */
interface AuditScript {
  readonly look: Script
  readonly repair: Script
}

function audit(name: string, part: string): AuditScript {
  const parts = [...MOVING, auditing.AUDITING, part]
  return { look: script(name, 'reads', parts), repair: script(`${name}Repair`, 'any memory', parts) }
}

export const auditTasks: AuditScript = audit('auditTasks', auditing.AUDIT_TASKS)
export const auditEntries: AuditScript = audit('auditEntries', auditing.AUDIT_ENTRIES)
export const auditKeys: AuditScript = audit('auditKeys', auditing.AUDIT_KEYS)
export const auditCounts: AuditScript = audit('auditCounts', AUDIT_COUNTS)
export const auditLimits: Script = script('auditLimits', 'reads', [
  ...MOVING,
  limits.COUNTING,
  auditing.AUDITING,
  AUDIT_LIMITS,
])
