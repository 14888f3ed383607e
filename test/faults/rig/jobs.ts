/** What the rig's workers are asked to do. */
import { defineTask, unchecked } from 'millrace'

/** What nobody awaits: a rejection, a throw in a timer, an exit; and nothing at all, for ever. */
export const ASTRAY = ['reject', 'throw later', 'exit', 'hang'] as const
export type Astray = (typeof ASTRAY)[number]

export interface JobInput {
  /** How long its handler takes its time. */
  readonly busyMs: number
  /** It enqueues one more task first, which is to start so much later, in milliseconds; its tag says so. */
  readonly child?: number | undefined
  /**
   * What the handler does then. `late writes`: if it has lost the task by then it tries to write all the same.
   * `deaf`: it never looks at its signal. `blocks`: it has not given up the thread all the while.
   */
  readonly then?: 'return' | 'throw' | 'late writes' | 'deaf' | 'blocks' | Astray | undefined
}

const input = unchecked<JobInput>()
/** Which run it was: that of the last one stands. */
const output = unchecked<string>()

export const job = defineTask('job', { input, output })
/** One more, which older workers do not know. */
export const newJob = defineTask('new-job', { input, output })
/** One that fails is not tried at once. */
export const spreadJob = defineTask('spread-job', {
  input,
  output,
  retry: { attempts: 2, backoff: 'exponential', base: '60s', max: '60s' },
})
/** One whose time is short. */
export const shortJob = defineTask('short-job', { input, output, timeout: '300ms', retry: false })
/** What a handler enqueues, and nobody runs. */
export const child = defineTask('child', { input: unchecked<{ readonly of: string }>(), queue: 'children' })

export const JOBS = [job, newJob, spreadJob, shortJob] as const
export type JobType = (typeof JOBS)[number]['name']
