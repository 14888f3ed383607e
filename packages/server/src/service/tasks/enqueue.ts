/** Enqueuing one task. */
import { codeOf, type Enqueued, type EnqueuedHandle } from '@millrace/core'
import { z } from 'zod'
import { definitionsFor } from '../definition-book.ts'
import { defineCall, type Scene } from '../call.ts'
import { KeyReusedError } from '../errors.ts'
import { about, Id, Key, StoreState } from '../schemas/common.ts'
import { unknownParent } from './parents.ts'
import { seenIds } from '../sight.ts'
import { enqueueOne } from './replacing.ts'
import { EnqueueInput, isOther, keyedBy, openDraft, type Keyed } from './drafts.ts'

/** What became of an enqueue. */
export const enqueuedAs = [
  z.strictObject({ outcome: z.literal('created'), id: Id }),
  z
    .strictObject({
      outcome: z.literal('duplicate'),
      id: Id,
      by: z.strictObject({
        id: Id,
        state: about(
          z.enum([...StoreState.options, 'gone']),
          '`pending` is scheduled, ready or held; gone: it was removed.',
        ),
      }),
    })
    .meta({ description: 'The task was there already: by its id, or by its unique key.' }),
  z
    .strictObject({ outcome: z.literal('replaced'), id: Id, previous: Id })
    .meta({ description: 'It took the place of another one by its unique key, which is cancelled.' }),
] as const

export const EnqueueAnswer = z.discriminatedUnion('outcome', enqueuedAs).meta({ id: 'Enqueued' })

export const IdempotencyKey = Key.min(1).max(255).meta({
  description:
    'Names this request: repeated under the same key by the same credential it makes no second task; another request under it is refused.',
})

export const enqueue = defineCall({
  name: 'tasks.enqueue',
  summary:
    'Enqueues a task by the name of its definition, which the store knows from the workers that handle it.',
  permission: 'enqueue',
  input: z
    .strictObject({ ...EnqueueInput.shape, idempotencyKey: IdempotencyKey.optional() })
    .meta({ id: 'Enqueue', description: 'A task to be.' }),
  output: EnqueueAnswer,
  example: { type: 'greet', input: { name: 'Ada' }, priority: 'high', tags: ['welcome'] },
  async run({ idempotencyKey, ...input }, scene) {
    const keyed = keyedBy(idempotencyKey, input, scene)(0)
    const definitions = await definitionsFor([input.type], scene)
    const { draft, after } = await openDraft(input, { definitions, keyed }, scene)
    const parents = (input.after ?? []).map((parent) =>
      typeof parent === 'string' ? { task: parent } : parent,
    )
    const seen = await seenIds(
      parents.map(({ task }) => task),
      'follow',
      scene,
    )
    for (const parent of parents) {
      if (!seen.has(parent.task)) throw unknownParent(parent.task)
      after.push(parent)
    }
    const handle = await underKey(idempotencyKey, () => enqueueOne(draft, scene))
    await checkRepeat(handle, { key: idempotencyKey, keyed, own: input.id }, scene)
    return enqueuedAnswer(handle)
  },
})

export function enqueuedAnswer(handle: EnqueuedHandle): z.input<typeof EnqueueAnswer> {
  const { id }: { readonly id: string } = handle
  const known: Enqueued = handle
  if (known.outcome === 'duplicate') return { outcome: 'duplicate', id, by: { ...known.by } }
  return known.outcome === 'replaced'
    ? { outcome: 'replaced', id, previous: known.previous }
    : { outcome: 'created', id }
}

/** @throws KeyReusedError where the id that the key stands for is taken by another task */
export async function underKey<T>(key: string | undefined, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw key !== undefined && codeOf(error) === 'conflict' ? new KeyReusedError(key) : error
  }
}

export interface Repeat {
  readonly key: string | undefined
  readonly keyed: Keyed
  /** The id that the caller gave the task. */
  readonly own: string | undefined
}

/**
 * Equal in type, queue and input to what is there, an enqueue may differ in all the rest.
 *
 * @throws KeyReusedError
 */
export async function checkRepeat(
  handle: EnqueuedHandle,
  { key, keyed, own }: Repeat,
  { mill }: Pick<Scene, 'mill'>,
): Promise<void> {
  if (key === undefined || own !== undefined) return
  const known: Enqueued = handle
  if (known.outcome !== 'duplicate' || known.by.id !== keyed.id) return
  const status = await mill.tasks.get(known.by.id)
  if (status !== undefined && isOther(status.headers, keyed)) throw new KeyReusedError(key)
}
