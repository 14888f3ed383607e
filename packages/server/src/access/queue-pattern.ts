/** Which queues are meant: names by their segments, which dots separate. */
import { InvalidArgumentError } from '@millrace/core'

const HINT =
  'A queue as it is (media), with * for one segment (media.*), or with ** at the end for one or more (media.**); ** alone is every queue.'
const SEGMENT = /^(?:\*|[A-Za-z0-9_-]+)$/
const LENGTH_MAX = 128

/** `media.*` is `media.video` and not `media.video.hd`, which `media.**` is; neither is `media` or `mediation`. */
export class QueuePattern {
  readonly text: string
  readonly #segments: readonly string[]
  /** Whether more segments may follow, one at least. */
  readonly #open: boolean

  /** @throws InvalidArgumentError */
  constructor(text: string) {
    const segments = text.split('.')
    const open = segments.at(-1) === '**'
    if (open) segments.pop()
    if (text.length > LENGTH_MAX || !segments.every((segment) => SEGMENT.test(segment)))
      throw new InvalidArgumentError(`${JSON.stringify(text)} is no pattern of queues.`, { hint: HINT })
    this.text = text
    this.#segments = segments
    this.#open = open
  }

  /** Whether it is every queue that there may be. */
  get isEverything(): boolean {
    return this.#open && this.#segments.length === 0
  }

  matches(queue: string): boolean {
    const names = queue.split('.')
    const fits = this.#open ? names.length > this.#segments.length : names.length === this.#segments.length
    return fits && this.#segments.every((segment, index) => segment === '*' || segment === names[index])
  }
}
