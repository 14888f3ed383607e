/** What a handler answers, as it is kept. */
import { chain } from '../task/answer.ts'
import { encode } from '../task/codec.ts'
import { LIMITS } from '../task/limits.ts'
import { validate } from '../task/schema.ts'
import type { Answer } from '../store/transactions.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Payload } from '../store/records.ts'

/**
 * There at once unless the schema is asynchronous.
 *
 * @throws InvalidPayloadError, TooLargeError
 */
export function resultPayload(task: AnyTask, value: unknown): Answer<Payload | null> {
  const what = `The result of ${task.name}`
  return chain(validate(task.output, value, what), () =>
    value === undefined ? null : encode(value, what, LIMITS.resultBytes),
  )
}
