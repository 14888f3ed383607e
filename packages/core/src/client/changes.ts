/** What operators change about tasks that wait: checked here, before anything is written. */
import { encode } from '../task/codec.ts'
import { encodeWith, sealed } from '../task/codecs/codec.ts'
import { FIRST_VERSION } from '../task/versions.ts'
import { InvalidArgumentError } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { levelOf, type Priority } from '../task/options.ts'
import { validate } from '../task/schema.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Edit } from '../store/control.ts'
import type { Payload, TaskRecord } from '../store/records.ts'
import { checkedTime } from './specs.ts'

/** What an edit changes; at least one of them. */
export interface TaskChanges<Input = unknown> {
  /**
   * In place of the old one; a checkpoint goes with that. The unique key, the partition and the keys of limits that were
   * made of the old input stay.
   */
  readonly input?: Input | undefined
  readonly priority?: Priority | undefined
  /** When it is due from now on: a Date, or milliseconds since 1970. Of a task that waits for its retry, when that is made. */
  readonly runAt?: Date | number | undefined
}

const CHANGES_MEMBERS: Members<TaskChanges> = { input: true, priority: true, runAt: true }

/**
 * The command that makes these changes.
 *
 * @param payloadOf checks the new input and encodes it, where there is one
 * @throws InvalidArgumentError, and what `payloadOf` throws
 */
export async function editOf(
  changes: TaskChanges,
  payloadOf: (input: unknown) => Promise<Payload>,
): Promise<Edit> {
  checkMembers(changes, CHANGES_MEMBERS, 'edit')
  const { input, priority, runAt } = changes
  if (input === undefined && priority === undefined && runAt === undefined) {
    throw new InvalidArgumentError('The edit changes nothing.', {
      hint: 'Give input, priority or runAt: what is left out stays as it is.',
    })
  }
  const level = priority === undefined ? null : levelOf(priority)
  const at = runAt === undefined ? null : checkedTime(runAt, 'runAt')
  return { kind: 'edit', payload: input === undefined ? null : await payloadOf(input), level, runAt: at }
}

/** Whom an input is for: some tasks, or whatever matches a filter. */
export type Targets = readonly Pick<TaskRecord, 'id' | 'type' | 'queue' | 'policy'>[] | 'filtered'

/**
 * An input that takes the place of another one.
 *
 * @param tasks by whose schemas it is checked; with none it is only seen to that a store can keep it
 * @throws InvalidPayloadError, TooLargeError; InvalidArgumentError if it cannot stand for that of each
 */
export async function replacementOf(
  input: unknown,
  tasks: readonly AnyTask[],
  targets: Targets,
): Promise<Payload> {
  for (const task of tasks) {
    await validate(task.input, input, `The input of ${task.name}`)
    checkVersion(task, targets)
  }
  const [first] = tasks
  const coded = tasks.find(({ codec }) => codec !== undefined)
  if (coded === undefined)
    return encode(input, tasks.length === 1 ? `The input of ${first!.name}` : 'The new input')
  if (targets === 'filtered' || targets.length > 1) throw onlyOne(coded.name, 'has a codec')
  const sizing = { what: `The input of ${coded.name}`, bytesMax: LIMITS.payloadBytes }
  const plain = encodeWith(coded.codec!, input, sizing)
  const [target] = targets
  // one that is not there is not changed
  if (target === undefined) return plain
  const place = { what: 'input', id: target.id, type: target.type, queue: target.queue } as const
  return sealed(coded.codec!, plain, { ...sizing, place })
}

/** It would be brought to the version of the definition once more. */
function checkVersion({ name, options: { version } }: AnyTask, targets: Targets): void {
  if (targets === 'filtered') {
    if (version === FIRST_VERSION) return
    throw onlyOne(name, 'has versions')
  }
  for (const { id, type, policy } of targets) {
    const its = policy.version ?? FIRST_VERSION
    if (type !== name || its === version) continue
    throw new InvalidArgumentError(
      `The input of task ${id} is of version ${its} of ${name}, not ${version}.`,
      {
        hint: 'Change it by code of its version, or cancel it and enqueue another one.',
      },
    )
  }
}

function onlyOne(name: string, why: string): InvalidArgumentError {
  return new InvalidArgumentError(`One input cannot be given to any tasks of ${name}: it ${why}.`, {
    hint: 'Change them one by one, by id.',
  })
}
