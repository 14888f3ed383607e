/** What a command would do, found out by reading: nothing is written. */
import { foreseen } from '../policy/foresight.ts'
import { answerOverFilter, answerOverIds } from '../store/command-answers.ts'
import { LIMITS } from '../task/limits.ts'
import type { Command, CommandAnswer, CommandRequest } from '../store/control.ts'
import type { Connection } from './connection.ts'

/** The answer that a store would give to this step of a command, as far as the states of the tasks tell it. */
export function previewOf(
  connection: Connection,
  { kind }: Command,
  target: CommandRequest['target'],
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
    const page = await store.list({ ...target, limit: LIMITS.batchTasks })
    return answerOverFilter(
      page.tasks.map(({ state }) => foreseen(state, kind)),
      page.next,
    )
  })
}
