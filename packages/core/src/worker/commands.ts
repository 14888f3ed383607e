/** What the program that has a worker tells it, checked. */
import { durationMs, type Duration } from '../task/duration.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'

/** Until when `worker.run` goes on. */
export interface RunOptions {
  /**
   * `idle`: until nothing is left that this worker could run, now or at a time in sight: a task that is due in an
   * hour keeps it waiting, and so does one of its types and queues that runs elsewhere, since it may come back
   * (it is taken over if its worker has died). Default: until it is stopped.
   */
  readonly until?: 'idle' | undefined
}

/** How a worker is stopped. */
export interface StopOptions {
  /** How long to wait for running handlers. Default: the worker's `drain`. */
  readonly drain?: Duration | undefined
}

const RUN_MEMBERS: Members<RunOptions> = { until: true }
const STOP_MEMBERS: Members<StopOptions> = { drain: true }

/** How long a stop is to wait; `undefined`: as long as the worker's options say. @throws InvalidArgumentError */
export function checkedDrainMs(options: StopOptions): number | undefined {
  checkMembers(options, STOP_MEMBERS, 'stop')
  const { drain } = options
  return drain === undefined ? undefined : durationMs(drain, 'drain')
}

/** @throws InvalidArgumentError */
export function checkedUntil(options: RunOptions): RunOptions['until'] {
  checkMembers(options, RUN_MEMBERS, 'run')
  const until: unknown = options.until
  if (until === undefined || until === 'idle') return until
  throw new InvalidArgumentError(`until is ${shown(until)}.`, {
    hint: "It is 'idle', or left out: then it runs until it is stopped.",
  })
}
