/** What a command would do, found out by reading: nothing is written. */
import { foreseen } from '../policy/foresight.ts'
import { answerOverFilter, answerOverIds } from '../store/command-answers.ts'
import { LIMITS } from '../task/limits.ts'
import type { CommandAnswer, CommandRequest } from '../store/control.ts'
import type { Connection } from './connection.ts'

interface Previewed extends Pick<CommandRequest, 'command' | 'target'> {
  readonly tasksMax?: number | undefined
}

/** The answer that a store would give to this step of a command, as far as the states of the tasks tell it. */
export function previewOf(
  connection: Connection,
  { command: { kind }, target, tasksMax = LIMITS.batchTasks }: Previewed,
): Promise<CommandAnswer> {
  return connection.read(async (store) => {
    if ('ids' in target) {
      const found = await store.outcomes({ ids: target.ids, bytesMax: 0 })
      return answerOverIds(
        found.map((outcome) => {
          // what has a result to be asked for later has succeeded
          if (outcome === 'later') return foreseen('succeeded', kind)
          return outcome === null || outcome.type === null ? undefined : foreseen(outcome.state, kind)
        }),
      )
    }
    const page = await store.list({ ...target, limit: tasksMax })
    return answerOverFilter(
      page.tasks.map(({ state }) => foreseen(state, kind)),
      page.next,
    )
  })
}
