/** What a command would do to a task in a state, before it is given. */
import type { Command, CommandOutcome } from '../store/control.ts'
import type { TaskState } from '../store/records.ts'
import { step, type Operation } from './lifecycle.ts'

const OPERATIONS: Readonly<Record<Command['kind'], Operation>> = {
  cancel: 'cancel',
  retry: 'restart',
  remove: 'remove',
  hold: 'hold',
  release: 'release',
  edit: 'edit',
}

/** As the lifecycle has it; whether somebody else holds the unique key by then is not foreseen. */
export function foreseen(state: TaskState, kind: Command['kind']): CommandOutcome {
  if (step(state, OPERATIONS[kind], false) !== null) return 'changed'
  return kind === 'cancel' && step(state, 'request-cancel', false) !== null ? 'requested' : 'refused'
}
