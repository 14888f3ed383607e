/** The one door through which every transport comes. */
import { codeOf } from '@millrace/core'
import type { z } from 'zod'
import { invalidInput } from './errors.ts'
import type { Call, Scene, StreamCall, StreamItem, StreamScene } from './call.ts'

/** Told, beside what was done, where an answer says so. */
interface Counted {
  readonly matched?: unknown
  readonly changed?: unknown
}

/**
 * Looks whether the caller may, whether the input is one, and makes the call. What is to be kept in the audit is, before
 * it is answered.
 *
 * @param given the input, as it came
 * @throws AccessError, InvalidRequestError, and what the call throws
 */
export async function runCall(call: Call, given: unknown, scene: Scene): Promise<unknown> {
  await admit(call, scene)
  const input = parsedInput(call.input, given)
  const target = call.audited?.(input)
  if (target === undefined) return call.run(input, scene)
  try {
    const answer = await call.run(input, scene)
    await note({ call, target, refused: null, ...countsOf(answer) }, scene)
    return answer
  } catch (error) {
    await noteRefused({ call, target, error }, scene)
    throw error
  }
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
    if (call.audited !== undefined) await noteRefused({ call, target: null, error }, scene)
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

interface Noted {
  readonly call: Call
  readonly target: unknown
  readonly refused: string | null
  readonly matched?: number | undefined
  readonly changed?: number | undefined
}

async function note({ call, ...rest }: Noted, { audit, platform, caller }: Scene): Promise<void> {
  await audit.note({ at: new Date(platform.wallMs()), caller: caller.name, call: call.name, ...rest })
}

/** Why the call failed is what its caller has to be told, whatever becomes of the audit. */
async function noteRefused(
  { call, target, error }: { readonly call: Call; readonly target: unknown; readonly error: unknown },
  scene: Scene,
): Promise<void> {
  try {
    await note({ call, target, refused: codeOf(error) ?? 'internal' }, scene)
  } catch (err) {
    scene.logger.error({ err, call: call.name }, 'what was refused could not be noted in the audit')
  }
}

function countsOf(answer: unknown): Pick<Noted, 'matched' | 'changed'> {
  if (typeof answer !== 'object' || answer === null) return {}
  const { matched, changed } = answer as Counted
  return {
    matched: typeof matched === 'number' ? matched : undefined,
    changed: typeof changed === 'number' ? changed : undefined,
  }
}
