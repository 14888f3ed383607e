/** The input of an attempt: what was enqueued, or what the tasks before it have given. */
import { decode, payloadSize } from '../task/codec.ts'
import { decodeWith } from '../task/codecs/codec.ts'
import { FIRST_VERSION, upcasted } from '../task/versions.ts'
import { assembled, shapeOf, type Shape } from '../task/fed-input.ts'
import { InvalidPayloadError, TooLargeError } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { validate } from '../task/schema.ts'
import { resultIn } from '../client/handle.ts'
import { outcomesInParts } from './outcomes.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Line } from './context.ts'
import type { Claim, Payload, TaskId, TaskOutcome } from '../store/records.ts'
import type { Run } from './run.ts'

/**
 * What the handler gets: a promise of it if the schema is asynchronous, or results have to be read.
 *
 * @throws InvalidPayloadError, TooLargeError; whatever else comes from the store
 */
export function inputOf(run: Run, task: AnyTask, connection: Line): unknown {
  const { payload } = run.claim
  const what = `The input of ${task.name}`
  const shape = typeof payload === 'string' ? null : shapeOf(payload)
  if (shape !== null)
    return fedInput(run, { task, shape, what }, connection).then((value) => received(task, run.claim, value))
  return received(task, run.claim, passed(task, run.claim))
}

/** The task of a payload, as it is claimed or read. */
export type Sent = Pick<Claim, 'id' | 'type' | 'queue' | 'policy'> & { readonly payload: Payload }

/**
 * What was enqueued, as it was then.
 *
 * @throws InvalidPayloadError, DecryptionError
 */
function passed({ codec }: AnyTask, { payload, id, type, queue }: Sent): unknown {
  if (codec === undefined) return decode(payload)
  return decodeWith(codec, payload, { what: 'input', id, type, queue })
}

/** What the handler gets of what was enqueued: through the steps from its version to this one, and the schema. */
function received(task: AnyTask, { policy }: Pick<Sent, 'policy'>, value: unknown): unknown {
  const what = `The input of ${task.name}`
  const version = policy.version ?? FIRST_VERSION
  if (version === task.options.version) return validate(task.input, value, what)
  return validate(task.input, upcasted(task, version, value), what)
}

/**
 * What was enqueued, as it would be passed now.
 *
 * @throws InvalidPayloadError, DecryptionError
 */
export function currentInput(task: AnyTask, sent: Sent): unknown {
  return upcasted(task, sent.policy.version ?? FIRST_VERSION, passed(task, sent))
}

async function fedInput(
  { claim: { after } }: Run,
  { task, shape, what }: { readonly task: AnyTask; readonly shape: Shape; readonly what: string },
  connection: Line,
): Promise<unknown> {
  const results: unknown[] = []
  let bytes = 0
  for await (const outcomes of outcomesInParts(connection, after)) {
    for (const outcome of outcomes) {
      const parent = after[results.length]!
      if (outcome?.state !== 'succeeded' || outcome.type === null) throw missing(what, parent, outcome)
      bytes += payloadSize(outcome.result)
      if (bytes > LIMITS.fedBytes) throw tooLarge(what)
      results.push(resultIn(outcome, { id: parent, codec: task.codec }))
    }
  }
  return assembled(shape, results, what)
}

function missing(what: string, parent: TaskId, outcome: TaskOutcome | null): InvalidPayloadError {
  const gone = outcome === null || outcome.type === null
  return new InvalidPayloadError(
    `${what} is made of the result of ${parent}, which ${gone ? 'is gone' : `has ended as ${outcome.state}`}.`,
    [],
    { hint: 'Retry it with an input of its own: mill.tasks.retry([id], { input }).' },
  )
}

function tooLarge(what: string): TooLargeError {
  return new TooLargeError(
    `${what} is made of results of more than ${LIMITS.fedBytes.toLocaleString('en')} bytes together.`,
    {
      hint: 'Keep what is large elsewhere and let results say where, or read them one by one: ctx.result(id).',
    },
  )
}
