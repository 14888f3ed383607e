/** What comes before drafts are checked: they inherit the headers of the running task, and plugins have their say. */
import { currentHeritage, inheriting } from '../task/current-task.ts'
import { checkDrafts } from './bulk-order.ts'
import type { Answer } from '../store/transactions.ts'
import type { AnyTask } from '../task/definition.ts'
import type { BulkAnswer } from './enqueuer.ts'
import type { Draft } from '../task/draft.ts'
import type { EnqueuedHandle } from './handle.ts'
import type { Place, Places } from './flow-plan.ts'
import type { Plugins } from './plugins.ts'
import type { TaskDraft } from './specs.ts'

type Work = 'synchronous' | 'asynchronous'

/** One draft. @param by `handler`: its headers were inherited already */
export function inherited<D extends AnyTask>(draft: TaskDraft<D>, by: 'handler' | 'anybody'): TaskDraft<D> {
  const heritage = by === 'handler' ? undefined : currentHeritage()
  return heritage === undefined ? draft : { ...draft, options: inheriting(draft.options, heritage) }
}

/** One draft, with plugins around it. */
export function enqueuingOne<D extends AnyTask>(
  plugins: Plugins,
  { draft, work }: { readonly draft: TaskDraft<D>; readonly work: Work },
  enqueue: (draft: TaskDraft<D>) => Answer<EnqueuedHandle<D>>,
): Answer<EnqueuedHandle<D>> {
  const enqueueOne = ([changed]: readonly TaskDraft[]): Answer<[EnqueuedHandle<D>]> => {
    const handle = enqueue(changed as TaskDraft<D>)
    return handle instanceof Promise ? handle.then((made) => [made]) : [handle]
  }
  const handles = plugins.enqueuing([draft], work, enqueueOne)
  return handles instanceof Promise ? handles.then(([handle]) => handle) : handles[0]
}

/**
 * Many drafts, with whatever stands around them.
 *
 * @param enqueue enqueues them, as the places say
 */
export function enqueuingMany<T extends readonly BulkAnswer[]>(
  plugins: Plugins | undefined,
  {
    drafts,
    places,
    work,
  }: { readonly drafts: readonly Draft[]; readonly places?: Places | undefined; readonly work: Work },
  enqueue: (places: Places | undefined) => Answer<T>,
): Answer<T> {
  const heritage = currentHeritage()
  if (heritage === undefined && plugins === undefined) return enqueue(places)
  checkDrafts(drafts)
  const given = drafts.map((draft): TaskDraft => {
    const { task, input, options } = draft
    return { task, input, options: inheriting(options, heritage), payload: places?.get(draft)?.payload }
  })
  const enqueueGiven = (changed: readonly TaskDraft[]): Answer<T> =>
    enqueue(
      new Map(
        drafts.map((draft, index): [Draft, Place] => {
          const { after = [], payload } = places?.get(draft) ?? {}
          return [draft, { after, payload, given: changed[index]! }]
        }),
      ),
    )
  return plugins === undefined ? enqueueGiven(given) : plugins.enqueuing(given, work, enqueueGiven)
}
