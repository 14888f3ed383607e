/** Puts one hook of a plugin around something, and holds it to the rules: `next` once, and nothing else in its place. */
import { PluginError } from '../task/errors.ts'
import { chain, isThenable } from '../task/answer.ts'
import { messageOf } from '../task/shown.ts'
import type { Answer } from '../store/transactions.ts'

type Ended<T> = { readonly value: T } | { readonly error: unknown }

export interface Around<T> {
  /** The plugin's name. */
  readonly plugin: string
  readonly hook: (next: () => Answer<T>) => unknown
  /** What the hook stands around. */
  readonly proceed: () => Answer<T>
  /** Whether the hook's own errors may be thrown as they are, because they say what is to happen. */
  readonly speaks: (error: unknown) => boolean
  /** `synchronous`: nobody can wait for it. */
  readonly work: 'synchronous' | 'asynchronous'
}

/**
 * @returns what `proceed` answered, once both have ended
 * @throws what `proceed` threw; what the hook threw; PluginError
 */
export function around<T>({ plugin, hook, proceed, speaks, work }: Around<T>): Answer<T> {
  let inner: Answer<Ended<T>> | undefined
  let misuse: PluginError | undefined
  let isOver = false
  const next = (): Answer<T> => {
    if (inner !== undefined || isOver) {
      misuse = misused(plugin, inner === undefined ? 'called next after it had ended' : 'called next twice')
      throw misuse
    }
    inner = ended(proceed)
    const answer = chain(inner, valueOf)
    // a hook that does not wait for it hears nothing of it: whoever called us does
    if (answer instanceof Promise) answer.catch(() => undefined)
    return answer
  }
  const hooked = ended<unknown>(() => hook(next))
  if (hooked instanceof Promise && work === 'synchronous') {
    isOver = true
    throw misused(plugin, 'is asynchronous, and the transaction is on a synchronous connection', SYNCHRONOUS)
  }
  return chain(hooked, (outer) => {
    isOver = true
    if (inner === undefined)
      throw 'error' in outer ? failureOf(outer.error, 'failed') : misused(plugin, 'did not call next')
    return chain(inner, (got) => {
      if (misuse !== undefined) throw misuse
      if (!('error' in outer)) return valueOf(got)
      if ('error' in got && got.error === outer.error) throw outer.error
      throw failureOf(outer.error, 'error' in got ? 'failed' : 'failed after what it stands around was done')
    })
  })

  function failureOf(error: unknown, what: string): unknown {
    if (error === misuse || speaks(error)) return error
    return new PluginError(plugin, `${what}: ${messageOf(error)}`, { cause: error })
  }
}

const ONCE = 'Call next exactly once, and wait for it: await next().'
const SYNCHRONOUS = 'Write its enqueue without async and await, and return next().'

function misused(plugin: string, what: string, hint: string = ONCE): PluginError {
  return new PluginError(plugin, `${what}.`, { hint })
}

function ended<T>(work: () => T | Answer<T>): Answer<Ended<T>> {
  try {
    const answer = work()
    if (!isThenable(answer)) return { value: answer as T }
    return Promise.resolve(answer).then(
      (value) => ({ value: value as T }),
      (error: unknown) => ({ error }),
    )
  } catch (error) {
    return { error }
  }
}

function valueOf<T>(end: Ended<T>): T {
  if ('error' in end) throw end.error
  return end.value
}
