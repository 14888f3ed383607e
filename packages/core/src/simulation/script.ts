/** The handler of every simulated task: it does what its plan says, and keeps a journal. */
import { NonRetryableError, SnoozeError } from '../task/control-flow.ts'
import { defineTask, type TaskDefinition } from '../task/definition.ts'
import { unchecked } from '../task/schema.ts'
import type { Context, Handler } from '../task/handler.ts'
import type { Platform } from '../platform/platform.ts'
import type { Effect } from './history.ts'
import type { Plan } from './plan.ts'
import { IDLE_SCRIPT, type Script, type TaskPlan } from './task-plan.ts'

export interface Job {
  readonly name: string
  readonly key: string
  readonly script: Script
}

export type JobTask = TaskDefinition<
  string,
  { input: Job; received: Job; returned: unknown; result: unknown }
>

export type Definitions = Readonly<Record<TaskPlan['type'], JobTask>>

/** One definition for each type of task. */
export function definitionsOf({ slots, pace }: Pick<Plan, 'slots' | 'pace'>): Definitions {
  const shared = { input: unchecked<Job>(), retry: { attempts: 3, base: 300, max: 2_000 } }
  const key = (job: Job): string => job.key
  return {
    plain: defineTask('plain', shared),
    limited: defineTask('limited', { ...shared, limits: [{ name: 'slots', key, concurrency: slots }] }),
    paced: defineTask('paced', {
      ...shared,
      limits: [{ name: 'pace', key, rate: { limit: pace, per: '1s', burst: pace } }],
    }),
    ordered: defineTask('ordered', { ...shared, queue: 'ordered', partition: { key, fifo: true } }),
    parted: defineTask('parted', { ...shared, partition: key }),
  }
}

export interface Stage {
  readonly definitions: Definitions
  readonly effects: Effect[]
  /** How often each task was started, by name: what the world outside remembers of it. */
  readonly starts: Map<string, number>
  readonly nowMs: () => number
}

/** The handlers of one process. */
export function handlersOn(
  stage: Stage,
  { platform, pid }: { platform: Platform; pid: string },
): Handler<JobTask>[] {
  return Object.values(stage.definitions).map((definition) =>
    definition.handler((job, ctx) => play(stage, { job, ctx, platform, pid })),
  )
}

interface Part {
  readonly job: Job
  readonly ctx: Context
  readonly platform: Platform
  readonly pid: string
}

async function play(stage: Stage, part: Part): Promise<unknown> {
  const { job, ctx, pid } = part
  const { epoch, nonce } = ctx.fence
  const note = (phase: Effect['phase']): void =>
    void stage.effects.push({
      task: ctx.task.id,
      attempt: ctx.attempt,
      epoch,
      nonce,
      pid,
      phase,
      atMs: stage.nowMs(),
    })
  note('start')
  const run = (stage.starts.get(job.name) ?? 0) + 1
  stage.starts.set(job.name, run)
  try {
    await steps(part, note)
    const { script } = job
    if (script.child) {
      const child = { name: `${job.name}.child`, key: job.key, script: IDLE_SCRIPT }
      await ctx.enqueue(stage.definitions.plain, child, { key: 'child', tags: [child.name] })
    }
    if (run <= script.snoozes) throw new SnoozeError(script.snoozeMs)
    if (script.fatal) throw new NonRetryableError('as planned')
    if (ctx.attempt <= script.failures) throw new Error('as planned')
    return { epoch, nonce }
  } finally {
    note('end')
  }
}

async function steps(
  { job: { script }, ctx, platform }: Part,
  note: (phase: 'effect') => void,
): Promise<void> {
  const done = typeof ctx.checkpointed === 'number' ? ctx.checkpointed : 0
  for (const [index, stepMs] of script.stepsMs.entries()) {
    if (index < done) continue
    await sleep(platform, stepMs, script.deaf ? null : ctx.signal)
    if (!script.deaf) {
      ctx.throwIfLost()
      note('effect')
    }
    if (script.checkpoints) await ctx.checkpoint(index + 1)
  }
}

/** Ends early with the signal's reason. */
function sleep(platform: Platform, ms: number, signal: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = platform.setTimer(
      ms,
      () => {
        signal?.removeEventListener('abort', abort)
        resolve()
      },
      'holds',
    )
    if (signal?.aborted === true) abort()
    else signal?.addEventListener('abort', abort)
  })
}
