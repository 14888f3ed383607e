/** What an error says of wrong input, so that whoever reads it knows what was meant. */
import { expect, test } from 'vitest'
import { defineTask, unchecked, type Mill, type MillraceError } from '../../src/index.ts'
import { World } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<unknown>() })
const handler = job.handler(() => undefined)

/** Something as JavaScript sees it: any function takes anything. */
type Loose<T> = {
  readonly [K in keyof T]: T[K] extends (...args: never) => unknown ? LooseFunction : Loose<T[K]>
}
type LooseFunction = (...args: readonly unknown[]) => unknown
type Call = (mill: Loose<Mill>) => unknown

const meant: readonly (readonly [Call, string])[] = [
  [(mill) => mill.enqueue(job, 1, { dealy: '1s' }), 'Did you mean delay?'],
  [(mill) => mill.enqueue(job, 1, { metdata: {} }), 'Did you mean metadata?'],
  [(mill) => mill.enqueue(job, 1, { need: ['gpu'] }), 'Did you mean needs?'],
  [(mill) => mill.worker({ handlers: handler, concurency: 5 }), 'Did you mean concurrency?'],
  [(mill) => mill.tasks.list({ state: 'ready' }), 'What is shown as ready is pending.'],
  [(mill) => mill.enqueue(job, 1, { colour: 'red' }), 'There are id, delay,'],
]

test.each(meant)('%s: the hint names what was meant', async (call, hint) => {
  const world = new World()
  const error = (await world.refusal(
    Promise.try(() => call(world.mill() as unknown as Loose<Mill>)),
  )) as MillraceError
  expect(error.hint?.startsWith(hint)).toBe(true)
})

test('a member that is undefined is not there, whatever its name', async () => {
  const world = new World()
  const given = { dealy: undefined, delay: undefined } as never
  expect((await world.mill().enqueue(job, 1, given)).outcome).toBe('created')
})

test('what is wrong with metadata is said as it is', async () => {
  const { message } = await new World().refusal(
    new World().mill().enqueue(job, 1, { metadata: { a: 1 } as never }),
  )
  expect(message).toBe('metadata.a is 1.')
})
