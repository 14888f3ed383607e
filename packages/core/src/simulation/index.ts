/** Running the production code on virtual time, with faults that one seed draws. */
export { NO_FAULTS, simulateProcess } from './process.ts'
export type { Faults, ProcessParts, SimulatedProcess } from './process.ts'
export { seededRandom } from './random.ts'
export type { SeededRandom } from './random.ts'
export { VirtualTime } from './virtual-time.ts'
export { check } from './checker.ts'
export type { Bounds, Violation, ViolationCode } from './checker.ts'
export type {
  Asked,
  Call,
  CallOperation,
  Effect,
  Final,
  Fire,
  Grant,
  History,
  Lease,
  ProcessEvent,
  Settled,
  Span,
} from './history.ts'
export { drawPlan, FEATURES } from './plan.ts'
export type { CommandPlan, EventPlan, Feature, Plan, SchedulePlan, WorkerPlan } from './plan.ts'
export { simulate } from './simulate.ts'
export type { Simulated } from './simulate.ts'
export type { Script, TaskPlan } from './task-plan.ts'
export { play } from './world.ts'
export type { Played } from './world.ts'
export { shrink } from './shrink.ts'
export type { Shrunk } from './shrink.ts'
