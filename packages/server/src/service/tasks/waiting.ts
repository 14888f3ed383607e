/** Waiting for the end of a task. */
import { codeOf, defineTask, unchecked, type TaskStatus } from '@millrace/core'
import { z } from 'zod'
import { defineCall, type Scene } from '../call.ts'
import { Json, orNull, ShownStateName, Time, timeTextOrNull } from '../schemas/common.ts'
import { TaskErrorShape, TaskId } from '../schemas/task.ts'
import { seenTask } from '../sight.ts'
import { errorOf, shownValue } from '../shown.ts'
import { EXAMPLE_ID } from './reading.ts'

/** A long poll is asked again rather than held for long. */
const WITHIN_MAX_MS = 60_000
const WITHIN = /^\d{1,5}(\.\d{1,3})?(ms|s|m)$/

const Within = z
  .union([z.number().min(0).max(WITHIN_MAX_MS), z.string().regex(WITHIN)])
  .optional()
  .meta({ description: 'How long to wait for its end: at most 60s. Default: not at all.' })

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000 } as const

const TaskResult = z
  .discriminatedUnion('outcome', [
    z.strictObject({ outcome: z.literal('pending'), state: ShownStateName }),
    z.strictObject({
      outcome: z.literal('succeeded'),
      result: Json.optional(),
      finishedAt: Time.nullable(),
    }),
    z.strictObject({
      outcome: z.literal('failed'),
      reason: z.string(),
      error: orNull(TaskErrorShape),
      finishedAt: Time.nullable(),
    }),
    z.strictObject({
      outcome: z.literal('cancelled'),
      reason: z.string().nullable(),
      finishedAt: Time.nullable(),
    }),
  ])
  .meta({ id: 'TaskResult' })

export const result = defineCall({
  name: 'tasks.result',
  summary: 'Waits for the end of a task, and answers what came of it; pending: nothing yet.',
  permission: 'follow',
  input: z.strictObject({ id: TaskId, within: Within }),
  output: TaskResult,
  example: { id: EXAMPLE_ID, within: '1ms' },
  async run({ id, within }, scene) {
    const status = await seenTask(id, 'follow', scene)
    const withinMs = withinOf(within)
    if (isFinal(status) || withinMs === 0) return resultOf(status, scene)
    await ended(status, withinMs, scene)
    // a task that was removed meanwhile is there no more
    return resultOf(await seenTask(id, 'follow', scene), scene)
  },
})

function withinOf(within: z.output<typeof Within>): number {
  if (within === undefined || typeof within === 'number') return within ?? 0
  const [, number, unit] = /^([\d.]+)(ms|s|m)$/.exec(within) ?? []
  const ms = Number(number) * UNITS_MS[unit as keyof typeof UNITS_MS]
  return Math.min(ms, WITHIN_MAX_MS)
}

async function ended({ type, id }: TaskStatus, within: number, { mill, signal }: Scene): Promise<void> {
  const task = defineTask(type, { input: unchecked<unknown>() })
  try {
    await mill.handle(task, id).settled({ within, signal })
  } catch (error) {
    // it has ended, with a result that only the code of its definition can read
    const code = codeOf(error)
    if (code !== 'invalid-payload' && code !== 'decryption') throw error
  }
}

function isFinal({ state }: TaskStatus): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'cancelled'
}

function resultOf(status: TaskStatus, scene: Scene): z.input<typeof TaskResult> {
  const { state, type, queue, cancel, error, reason } = status
  const finishedAt = timeTextOrNull(status.finishedAt)
  switch (state) {
    case 'succeeded':
      return {
        outcome: 'succeeded',
        result: shownValue(status.result, { what: 'result', type, queue }, scene),
        finishedAt,
      }
    case 'failed': {
      const shown = shownValue(errorOf(error, 'brief'), { what: 'error', type, queue }, scene)
      return { outcome: 'failed', reason: reason ?? 'error', error: shown, finishedAt }
    }
    case 'cancelled': {
      const shown = shownValue(cancel?.reason ?? null, { what: 'reason', type, queue }, scene)
      return { outcome: 'cancelled', reason: shown, finishedAt }
    }
    default:
      return { outcome: 'pending', state }
  }
}
