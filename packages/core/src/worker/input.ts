/** The input of an attempt: what was enqueued, or what the tasks before it have given. */
import { decode, payloadSize } from '../task/codec.ts'
import { assembled, shapeOf, type Shape } from '../task/fed-input.ts'
import { InvalidPayloadError, TooLargeError } from '../task/errors.ts'
import { LIMITS } from '../task/limits.ts'
import { validate } from '../task/schema.ts'
import { outcomesInParts } from './outcomes.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Connection } from '../client/connection.ts'
import type { TaskId, TaskOutcome } from '../store/records.ts'
import type { Run } from './run.ts'

/**
 * What the handler gets: a promise of it if the schema is asynchronous, or results have to be read.
 *
 * @throws InvalidPayloadError, TooLargeError; whatever else comes from the store
 */
export function inputOf(run: Run, task: AnyTask, connection: Connection): unknown {
  const { payload } = run.claim
  const what = `The input of ${task.name}`
  const shape = typeof payload === 'string' ? null : shapeOf(payload)
  if (shape === null) return validate(task.input, decode(payload), what)
  return fedInput(run, { shape, what }, connection).then((value) => validate(task.input, value, what))
}

async function fedInput(
  { claim: { after } }: Run,
  { shape, what }: { readonly shape: Shape; readonly what: string },
  connection: Connection,
): Promise<unknown> {
  const results: unknown[] = []
  let bytes = 0
  for await (const outcomes of outcomesInParts(connection, after)) {
    for (const outcome of outcomes) {
      const parent = after[results.length]!
      if (outcome?.state !== 'succeeded' || outcome.type === null) throw missing(what, parent, outcome)
      bytes += payloadSize(outcome.result)
      if (bytes > LIMITS.fedBytes) throw tooLarge(what)
      results.push(outcome.result === null ? undefined : decode(outcome.result))
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
