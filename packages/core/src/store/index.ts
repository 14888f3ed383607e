/** For authors of backends: the port, what it speaks of, and the decisions about plain data that stores share. */
export {
  eventLetter,
  eventOf,
  FINAL_FROM,
  ifFailedCode,
  ifFailedOf,
  nonceValue,
  reasonCode,
  reasonOf,
  STATE,
  stateOf,
} from './codes.ts'
export { NO_COUNTS } from './queue-counts.ts'
export { readCounters, writeCounters, type MutableCounters } from './counters.ts'
export { answerOverFilter, answerOverIds, editedParts, isChange } from './command-answers.ts'
export { fitsDescription, looksInto, type Described } from './matching.ts'
export { statementsIn } from './migrations.ts'
export { defectOf, engineDefect, type KeptDefect } from './defects.ts'
export { orderOf } from './orders.ts'
export { birthAfter, waitsAfter } from '../policy/dependencies.ts'
export type { Birth, DependencyEnd, NewEdge, ParentState, Waits } from '../policy/dependencies.ts'
export { EVERYTHING, hintLetters, hintOf, isNews, mergedHint, NOTHING, Watchers } from './watchers.ts'
export { HISTORY_DETAIL_MAX, HISTORY_ENTRIES_MAX, LOG_ENTRIES_MAX, REPLACED } from './records.ts'
export { keyTermsText, ownKeyOf, readKeyTerms, shownKey, type KeyTerms } from './key-terms.ts'
export {
  checkGuestReplacements,
  checkReplacements,
  detailOfReplaced,
  isReplaceable,
  isWindow,
  type WindowSpec,
} from './uniqueness.ts'
export {
  claimsAddUp,
  countersAfter,
  openClaimsAfter,
  operationOf,
  step,
  underCancelRequest,
} from '../policy/lifecycle.ts'
export { furthestArrival, roomUnder, UNUSED, usageAfter } from '../policy/limits.ts'
export type { Room } from '../policy/limits.ts'
export type { OpenClaims, Operation, Place, Step } from '../policy/lifecycle.ts'
// errors and checks of options again: a thread that needs nothing else of core does not load the rest
export {
  AccessError,
  BackpressureError,
  ClosedError,
  codeOf,
  CycleError,
  InvalidArgumentError,
  MillraceError,
  NotFoundError,
  StoreError,
  TooLargeError,
} from '../task/errors.ts'
export type { ErrorCode, StoreErrorCode } from '../task/errors.ts'
export { checkMembers } from '../task/members.ts'
export type { Members } from '../task/members.ts'
export { lodgeHeart } from '../heart/lodging.ts'
export { besideModule } from '../platform/beside.ts'
export type { Port } from '../platform/threads.ts'
export type * from './port.ts'
export type * from './control.ts'
export type * from './inspection.ts'
export type { MigrationPlan, MigrationStep, Migrator } from './migrations.ts'
export type * from './records.ts'
export type * from './settlement.ts'
export type * from './transactions.ts'
