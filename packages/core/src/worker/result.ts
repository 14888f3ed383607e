/** What a handler answers, as it is kept. */
import { chain } from '../task/answer.ts'
import { encode } from '../task/codec.ts'
import { encodeWith, sealed } from '../task/codecs/codec.ts'
import { LIMITS } from '../task/limits.ts'
import { validate } from '../task/schema.ts'
import type { Answer } from '../store/transactions.ts'
import type { AnyTask } from '../task/definition.ts'
import type { Payload, TaskId } from '../store/records.ts'

/**
 * There at once unless the schema is asynchronous.
 *
 * @throws InvalidPayloadError, TooLargeError
 */
export function resultPayload(task: AnyTask, id: TaskId, value: unknown): Answer<Payload | null> {
  const what = `The result of ${task.name}`
  return chain(validate(task.output, value, what), () => {
    if (value === undefined) return null
    return keptValue(task, { id, what: 'result' }, value)
  })
}

/**
 * A result or a checkpoint, as it is kept.
 *
 * @throws InvalidPayloadError, TooLargeError
 */
export function keptValue(
  { name, codec }: Pick<AnyTask, 'name' | 'codec'>,
  { id, what }: { readonly id: TaskId; readonly what: 'result' | 'checkpoint' },
  value: unknown,
): Payload {
  const said = what === 'result' ? `The result of ${name}` : 'The checkpoint'
  const bytesMax = what === 'result' ? LIMITS.resultBytes : LIMITS.checkpointBytes
  if (codec === undefined) return encode(value, said, bytesMax)
  const sizing = { what: said, bytesMax }
  const place = { what, id, type: name, queue: null }
  return sealed(codec, encodeWith(codec, value, sizing), { ...sizing, place })
}
