/** The answers to commands, from what happened to each task. */
import type { CommandAnswer, CommandOutcome, Edit } from './control.ts'
import type { TaskSummary } from './records.ts'

/** Whether a command did something to a task: then the task keeps its mark. */
export function isChange(outcome: CommandOutcome): boolean {
  return outcome === 'changed' || outcome === 'requested'
}

/** @param outcomes per id; `undefined` for what the store does not know */
export function answerOverIds(outcomes: readonly (CommandOutcome | undefined)[]): CommandAnswer {
  const known = outcomes.filter((outcome) => outcome !== undefined)
  return { ...answerOverFilter(known, null), outcomes: outcomes.map((outcome) => outcome ?? 'unknown') }
}

/** @param outcomes of the tasks that matched */
export function answerOverFilter(outcomes: readonly CommandOutcome[], cursor: string | null): CommandAnswer {
  return { matched: outcomes.length, changed: outcomes.filter(isChange).length, outcomes: [], cursor }
}

/** What an edit changes of a task, by the names that users have for it: the detail of its entry in the history. */
export function editedParts(
  task: { readonly level: number } & Pick<TaskSummary, 'runAt'>,
  { payload, level, runAt }: Edit,
): readonly string[] {
  const parts: string[] = []
  if (payload !== null) parts.push('input')
  if (level !== null && level !== task.level) parts.push('priority')
  if (runAt !== null && runAt !== task.runAt) parts.push('runAt')
  return parts
}
