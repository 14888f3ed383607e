/** Writes what a worker does to its logger. */
import { stderrLogger } from '../platform/console.ts'
import type { Logger } from '../task/logger.ts'
import type { TaskInfo } from '../task/handler.ts'
import type { WorkerEmitter } from './events.ts'

/** Starts and successes are only told to a logger of the user's: the default one would drop them. */
export function logEvents(emitter: WorkerEmitter, logger: Logger): void {
  const about = ({ task, attempt }: { readonly task: TaskInfo; readonly attempt: number }): object => ({
    task: task.id,
    type: task.type,
    attempt,
  })
  if (logger !== stderrLogger) {
    emitter.on('started', (event) => logger.debug(about(event), 'started'))
    emitter.on('succeeded', (event) =>
      logger.info({ ...about(event), durationMs: Math.round(event.durationMs) }, 'succeeded'),
    )
    emitter.on('cancelled', (event) => logger.info(about(event), 'cancelled'))
  }
  emitter.on('failed', (event) => {
    const { error, willRetryAt } = event
    if (willRetryAt === null)
      logger.error({ ...about(event), durationMs: Math.round(event.durationMs), err: error }, 'failed')
    else
      logger.warn(
        {
          ...about(event),
          durationMs: Math.round(event.durationMs),
          err: error,
          willRetryAt: willRetryAt.toISOString(),
        },
        'failed, will be retried',
      )
  })
  emitter.on('crashed', (event) => logger.warn({ ...about(event), err: event.error }, 'crashed'))
  emitter.on('stranded', ({ queue, type, needs, since }) =>
    logger.warn({ queue, type, needs, since: since.toISOString() }, 'tasks wait that no live worker can run'),
  )
  emitter.on('schemaChanged', (change) =>
    logger.warn(
      { ...change },
      'the schema of a task has changed, and its version has not: see millrace check',
    ),
  )
  emitter.on('dueSoon', ({ id, queue, type, dueBy }) =>
    logger.warn({ task: id, queue, type, dueBy: dueBy.toISOString() }, 'a task waits that is due soon'),
  )
  emitter.on('blocked', ({ forMs, by, tasks }) =>
    logger.warn(
      { forMs, by, tasks: tasks.map(({ task }) => `${task.type} ${task.id}`).join(', ') },
      'the main thread was blocked',
    ),
  )
  emitter.on('throttled', ({ slots, slotsMax, memoryMb, cpu }) => {
    const use = { slots, slotsMax, memoryMb: Math.round(memoryMb), cpu: Number(cpu.toFixed(2)) }
    if (slots === 1 && slotsMax > 1) logger.warn(use, 'its budget is spent: one slot is used')
    else logger.info(use, 'other slots are used than before, by its budget')
  })
  emitter.on('lost', (event) => logger.warn(about(event), 'the lease was lost while the handler ran'))
}
