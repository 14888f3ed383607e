/** Edits of tasks that wait: how they are drawn, and what they are on a side. */
import fc from 'fast-check'
import type { Command, Edit } from '../store/control.ts'
import type { Side } from './side.ts'

/** Their times are in units since the beginning. */
export const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constant('edit' as const),
  payload: fc.constantFrom(null, '"edited"'),
  level: fc.constantFrom(null, 0, 1, 4),
  runAt: fc.constantFrom(null, 0, 2, 30),
})

/**
 * A command of a step on a side. Due times stand a bit behind the unit: whether an edit changes one is
 * judged to the millisecond, and one clock stands while the other goes on.
 */
export function commandOf(command: Command, side: Pick<Side, 'at'>): Command {
  if (command.kind !== 'edit' || command.runAt === null) return command
  return { ...command, runAt: side.at(command.runAt + 0.3) }
}
