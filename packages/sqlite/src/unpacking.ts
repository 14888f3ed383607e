/** On the thread: packed tasks as they were, for those of them that need a closer look. */
import { idsFromBytes } from './codes.ts'
import { laneOf } from './lanes.ts'
import type { TaskGroup, TaskPolicy, TaskSpec } from '@millrace/core/store'
import type { PlainTasks } from './wire.ts'

/** The groups that were packed. */
export function groupsOf(plain: PlainTasks): readonly TaskGroup[] {
  const specs = specsOf(plain)
  let from = 0
  return Array.from(plain.groups, (size) => ({
    tasks: specs.slice(from, (from += size)),
    under: null,
    gate: null,
  }))
}

function specsOf({
  count,
  ids,
  digests,
  shapes,
  shapeOf,
  payloads,
  lengths,
}: PlainTasks): readonly TaskSpec[] {
  const texts = idsFromBytes(ids)
  let offset = 0
  return Array.from({ length: count }, (_, index) => {
    const { type, needs, queue, level, terms, lane } = shapes[shapeOf[index]!]!
    const [policy, timeoutMs] = JSON.parse(terms) as [TaskPolicy, number | null]
    return {
      id: texts[index]!,
      idMadeBy: 'client',
      digest: digests.substring(16 * index, 16 * index + 16),
      type,
      needs,
      queue,
      level: level as TaskSpec['level'],
      lane: lane === null ? null : laneOf(lane),
      dueByMs: null,
      due: { inMs: 0 },
      held: false,
      payload: payloads.substring(offset, (offset += lengths[index]!)),
      policy,
      timeoutMs,
      startByMs: null,
      deadlineMs: null,
      after: [],
      unique: null,
      tags: [],
      metadata: {},
      headers: {},
    }
  })
}
