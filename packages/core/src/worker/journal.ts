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
    if (willRetryAt === null) logger.error({ ...about(event), error }, 'failed')
    else
      logger.warn(
        { ...about(event), error, willRetryAt: willRetryAt.toISOString() },
        'failed, will be retried',
      )
  })
  emitter.on('stranded', ({ queue, type, needs, since }) =>
    logger.warn({ queue, type, needs, since: since.toISOString() }, 'tasks wait that no live worker can run'),
  )
  emitter.on('dueSoon', ({ id, queue, type, dueBy }) =>
    logger.warn({ task: id, queue, type, dueBy: dueBy.toISOString() }, 'a task waits that is due soon'),
  )
  emitter.on('lost', (event) => logger.warn(about(event), 'the lease was lost while the handler ran'))
}
