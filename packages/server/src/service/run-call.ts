/** The one door through which every transport comes. */
import { audited, auditRefused } from '../audit/noting.ts'
import type { z } from 'zod'
import { invalidInput } from './errors.ts'
import { inTurn } from './pages.ts'
import type { Call, Scene, StreamCall, StreamItem, StreamScene } from './call.ts'

/** What answers with many tasks. */
const PAGES: ReadonlySet<string> = new Set(['tasks.list', 'tasks.dead'])

/**
 * Looks whether the caller may, whether the input is one, and makes the call. What is to be kept in the audit is, before
 * it is done.
 *
 * @param given the input, as it came
 * @throws AccessError, InvalidRequestError, and what the call throws
 */
export async function runCall(call: Call, given: unknown, scene: Scene): Promise<unknown> {
  await admit(call, scene)
  const input = parsedInput(call.input, given)
  const target = call.audited?.(input)
  if (PAGES.has(call.name)) return inTurn(scene, scene.caller.name, () => run(call, input, scene))
  if (target === undefined) return run(call, input, scene)
  const deed = { caller: scene.caller.name, call: call.name, target }
  return audited(deed, scene, () => call.run(input, scene))
}

/** Nobody may wait for it any more when it is its turn. */
async function run(call: Call, input: z.output<Call['input']>, scene: Scene): Promise<unknown> {
  scene.signal.throwIfAborted()
  return call.run(input, scene)
}

/** Whether it may go on for as long as the caller says: so many of them may be open. */
export function isWait(input: object): boolean {
  return 'within' in input && input.within !== undefined
}

/**
 * Whether the caller may make such calls anywhere: looked at before anything that they sent is read. That they were
 * refused is kept in the audit, without what it was about.
 *
 * @throws AccessError
 */
export async function admit(call: Call, scene: Scene): Promise<void> {
  try {
    scene.caller.requireAnywhere(call.permission)
  } catch (error) {
    if (call.audited !== undefined)
      await auditRefused({ caller: scene.caller.name, call: call.name, target: null }, error, scene)
    throw error
  }
}

/** The same as `runCall` for a stream. */
export async function openStream(
  call: StreamCall,
  given: unknown,
  scene: StreamScene,
): Promise<AsyncIterableIterator<StreamItem<unknown>>> {
  scene.caller.requireAnywhere(call.permission)
  return call.open(parsedInput(call.input, given), scene)
}

/** @throws InvalidRequestError */
function parsedInput<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  throw invalidInput(parsed.error)
}
