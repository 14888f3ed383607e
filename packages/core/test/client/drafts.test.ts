/** Drafts that are tried again: those of which nothing was written come as new ones. */
import { expect, test } from 'vitest'
import { codeOf, defineTask, StoreError, unchecked } from '../../src/index.ts'
import { World, type Line } from '../worker/world.ts'

const job = defineTask('job', { input: unchecked<unknown>() })
const GIVEN = '00000000-0000-4000-8000-000000000001'

type JobDraft = ReturnType<typeof job.with>

interface Scene {
  readonly line: Line
  /** What becomes of each draft of a bulk; a bulk that is refused refuses each. */
  readonly enqueued: (drafts: readonly JobDraft[], atomic: boolean) => Promise<string[]>
}

function scene(): Scene {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  return {
    line,
    async enqueued(drafts, atomic) {
      const bulk = atomic ? mill.enqueueMany(drafts, { atomic: true }) : mill.enqueueMany(drafts)
      try {
        const answers = await world.settle(bulk)
        return answers.map((answer) => (answer.outcome === 'rejected' ? answer.error.code : answer.outcome))
      } catch (error) {
        return drafts.map(() => codeOf(error) ?? 'a bug')
      }
    },
  }
}

/** Who made the ids that the store saw last. */
function lastMakers(line: Line): string[] {
  return line
    .requests('add')
    .at(-1)!
    .groups.flatMap(({ tasks }) => tasks.map(({ idMadeBy }) => idMadeBy))
}

test.each([true, false])('after a circle all of them are new (atomic: %s)', async (atomic) => {
  const { line, enqueued } = scene()
  const first = job.with(1)
  const second = job.with(2, { after: [first] })
  const circle = job.with(3, { id: GIVEN, after: [GIVEN] })
  expect(await enqueued([first, second, circle], atomic)).toEqual(['cycle', 'cycle', 'cycle'])
  expect([first.id, second.id, circle.id]).toEqual([undefined, undefined, GIVEN])
  expect(await enqueued([second, first], atomic)).toEqual(['created', 'created'])
  expect(lastMakers(line)).toEqual(['client', 'client'])
})

test.each([
  [true, ['invalid-payload', 'invalid-payload']],
  [false, ['created', 'invalid-payload']],
] as const)(
  'after an input that is none those are new that were refused (atomic: %s)',
  async (atomic, told) => {
    const { line, enqueued } = scene()
    const input: { when?: Date } = { when: new Date(0) }
    const good = job.with(1)
    const mended = job.with(input)
    expect(await enqueued([good, mended], atomic)).toEqual(told)
    expect([good.id === undefined, mended.id]).toEqual([atomic, undefined])
    delete input.when
    expect(await enqueued([mended], atomic)).toEqual(['created'])
    expect(lastMakers(line)).toEqual(['client'])
  },
)

test('a draft that was enqueued keeps its id, whatever becomes of it as it comes again', async () => {
  const { line, enqueued } = scene()
  let calls = 0
  line.keep('add', (pass) =>
    ++calls === 1
      ? pass()
      : Promise.reject(new StoreError('store-readonly', 'read only', { effect: 'final' })),
  )
  const draft = job.with(1)
  const others = Array.from({ length: 249 }, (_, n) => job.with(n))
  const last = job.with('last')
  const told = await enqueued([draft, ...others, draft, last], false)
  expect([told[0], told.at(-2), told.at(-1)]).toEqual(['created', 'store-readonly', 'store-readonly'])
  expect([typeof draft.id, last.id]).toEqual(['string', undefined])
})

test('what may have been written keeps its id, too', async () => {
  const { line, enqueued } = scene()
  line.keep('add', () => Promise.reject(new StoreError('store-unavailable', 'away', { effect: 'unknown' })))
  const draft = job.with(1)
  expect(await enqueued([draft], false)).toEqual(['ambiguous'])
  expect(draft.id).toBeTypeOf('string')
})
