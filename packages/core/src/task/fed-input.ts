/**
 * Inputs that are not there yet: of a task in a flow which takes the results of those it waits for. What is kept in
 * place of its payload says how the results are put together; the worker reads them when the task starts.
 */
import { InvalidPayloadError } from './errors.ts'
import type { Payload } from '../store/records.ts'

/** First byte of a payload that is made of the results of its task's parents. */
const FED = 1

/** `0` stands for one result, a list for a list; results come in the order of the parents. */
export type Shape = 0 | readonly Shape[]

/** The payload of a task whose input is made of its parents' results. */
export function fedPayload(shape: Shape): Payload {
  const text = JSON.stringify(shape)
  const bytes = new Uint8Array(text.length + 1)
  bytes[0] = FED
  for (let at = 0; at < text.length; at++) bytes[at + 1] = text.charCodeAt(at)
  return bytes
}

/** How the input is made of the results of parents; `null`: the payload is the input. */
export function shapeOf(payload: Payload): Shape | null {
  if (typeof payload === 'string' || payload[0] !== FED) return null
  return JSON.parse(new TextDecoder().decode(payload.subarray(1))) as Shape
}

/**
 * The results, put together.
 *
 * @param what what is made of them, for the error
 * @throws InvalidPayloadError if there are more or fewer than it takes
 */
export function assembled(shape: Shape, results: readonly unknown[], what: string): unknown {
  let taken = 0
  const take = (part: Shape): unknown => (part === 0 ? results[taken++] : part.map(take))
  const value = take(shape)
  if (taken === results.length) return value
  throw new InvalidPayloadError(
    `${what} is made of ${taken} results, and the task waits for ${results.length} others.`,
    [],
    { hint: 'Tasks that share a unique key are one task: in one group each needs a key of its own.' },
  )
}
