/** What is enqueued when a task has failed for good, and the groups of those that have. */
import { expect, test } from 'vitest'
import {
  defineTask,
  NonRetryableError,
  unchecked,
  type DeadLetter,
  type Mill,
  type Plugin,
} from '../../src/index.ts'
import { World } from '../worker/world.ts'

const mourn = defineTask('mourn', { input: unchecked<DeadLetter>(), queue: 'mourning' })
const job = defineTask('job', {
  input: unchecked<string>(),
  retry: { attempts: 2, backoff: 'fixed', base: '1s' },
  deadLetter: mourn,
})
const plain = defineTask('plain', { input: unchecked<string>(), retry: false })

interface Play {
  readonly mill: Mill
  readonly letters: DeadLetter[]
}

function failing(input: string): void {
  if (input !== 'good') throw new NonRetryableError(`it broke: ${input}`)
}

/** A client with a worker that handles what dies and what follows. */
async function working(world: World, line = world.line()): Promise<Play> {
  const mill = world.mill(line)
  const letters: DeadLetter[] = []
  const handlers = [
    job.handler(failing),
    plain.handler(failing),
    mourn.handler((letter) => void letters.push(letter)),
  ]
  await world.settle(mill.worker({ handlers }).start())
  return { mill, letters }
}

test('a task that failed for good has a follow-up, once, however many workers look', async () => {
  const world = new World()
  const { mill, letters } = await working(world)
  const other = await working(world)
  const draft = job.with('bad', { tags: ['t'], metadata: { tenant: 'a' } })
  const [bad] = await world.settle(
    mill.enqueueMany([draft, job.with('good'), plain.with('bad')], { atomic: true }),
  )
  const { finishedAt } = (await world.ended([bad.id]))[0]!
  await world.time.advance(300_000)
  expect([...letters, ...other.letters]).toEqual([
    {
      id: bad.id,
      type: 'job',
      queue: 'default',
      reason: 'error',
      error: { name: 'NonRetryableError', message: 'it broke: bad', code: expect.anything() as unknown },
      attempts: 1,
      diedAt: finishedAt,
      tags: ['t'],
      metadata: { tenant: 'a' },
    },
  ])
  // each time that it dies
  await mill.tasks.retry(bad.id)
  await world.time.advance(60_000)
  expect([...letters, ...other.letters].map(({ id }) => id)).toEqual([bad.id, bad.id])
})

test('whatever ended it, and though nobody was there who knew', async () => {
  const world = new World()
  const early = world.mill()
  const [expired, dependent] = await world.settle(
    early.enqueueMany([job.with('late', { startBy: '1m', held: true }), job.with('waits', { after: [] })], {
      atomic: true,
    }),
  )
  await early.tasks.cancel(dependent.id)
  const blocker = world.mill()
  await world.settle(blocker.worker({ handlers: [plain.handler(failing)] }).start())
  const parent = await world.settle(blocker.enqueue(plain, 'bad', { delay: '1m' }))
  const child = await world.settle(
    blocker.enqueue(job, 'child', { after: [{ task: parent, ifFailed: 'fail' }] }),
  )
  await world.time.advance(3_600_000)
  const { letters } = await working(world)
  await world.time.advance(30_000)
  expect(new Map(letters.map(({ id, reason, attempts, error }) => [id, [reason, attempts, error]]))).toEqual(
    new Map([
      [expired.id, ['expired', 0, null]],
      [child.id, ['dependency', 0, null]],
    ]),
  )
})

test('without such a definition nobody looks', async () => {
  const world = new World()
  const line = world.line()
  await world.settle(
    world
      .mill(line)
      .worker({ handlers: [plain.handler(failing)] })
      .start(),
  )
  await world.time.advance(120_000)
  expect(line.count('list')).toBe(0)
})

test('a follow-up that cannot be enqueued is told of, and keeps no other', async () => {
  const world = new World()
  const picky = defineTask('picky', {
    input: {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value: unknown) =>
          (value as DeadLetter).tags.length > 0
            ? { value: value as DeadLetter }
            : { issues: [{ message: 'no tags' }] },
      },
    },
  })
  const fragile = defineTask('fragile', { input: unchecked<string>(), retry: false, deadLetter: picky })
  const mill = world.mill()
  const worker = mill.worker({ handlers: [fragile.handler(failing)] })
  const errors: string[] = []
  worker.on('error', ({ doing }) => errors.push(doing))
  await world.settle(worker.start())
  const [bare, tagged] = await world.settle(
    mill.enqueueMany([fragile.with('bad'), fragile.with('bad', { tags: ['t'] })], { atomic: true }),
  )
  await world.ended([bare.id, tagged.id])
  await world.time.advance(20_000)
  expect(errors).toContain(`enqueuing the dead letter of ${bare.id}`)
  const { tasks } = await mill.tasks.list({ type: 'picky' })
  expect(tasks).toHaveLength(1)
})

test('a follow-up that a plugin refuses keeps no other, and comes once the plugin takes it', async () => {
  const world = new World()
  const line = world.line()
  line.keep('list', (pass, request) => pass({ ...request, limit: 1 })) // each is on a page of its own
  let refuses = true
  const guard: Plugin = {
    name: 'guard',
    enqueue: async ({ drafts: [draft] }, next) => {
      const { tags = [] } = draft!.input as Partial<DeadLetter>
      if (refuses && tags.includes('t')) throw new Error('not this one')
      await next()
    },
  }
  const letters: DeadLetter[] = []
  const mill = world.mill(line, { plugins: [guard] })
  const handlers = [job.handler(failing), mourn.handler((letter) => void letters.push(letter))]
  await world.settle(mill.worker({ handlers }).start())
  const first = await world.settle(mill.enqueue(job, 'bad'))
  await world.ended([first.id])
  const last = await world.settle(mill.enqueue(job, 'bad', { tags: ['t'] }))
  await world.time.advance(600_000)
  expect(letters.map(({ id }) => id)).toEqual([first.id])
  refuses = false
  await world.time.advance(30_000)
  expect(letters.map(({ id }) => id)).toEqual([first.id, last.id])
})

test('a definition names another task that takes a dead letter', () => {
  expect(() => defineTask('job', { input: unchecked<string>(), deadLetter: job as never })).toThrow('its own')
  expect(() => defineTask('job', { input: unchecked<string>(), deadLetter: 'mourn' as never })).toThrow(
    'mourn',
  )
  const part = defineTask('part', { input: unchecked<{ id: string; type: string }>() })
  defineTask('a', { input: unchecked<string>(), deadLetter: part })
  // @ts-expect-error -- it takes something else
  defineTask('b', { input: unchecked<string>(), deadLetter: plain })
})

test('what failed is grouped by what differs, and not by numbers and ids', async () => {
  const world = new World()
  const { mill } = await working(world)
  const inputs = ['order 1', 'order 22', 'order 3', 'nothing']
  const drafts = inputs.map((input) => plain.with(input, { tags: ['t'], queue: 'default' }))
  const handles = await world.settle(mill.enqueueMany(drafts, { atomic: true }))
  await world.ended(handles.map(({ id }) => id))
  const groups = await mill.tasks.dead()
  expect(
    groups.map(({ type, reason, error, message, count }) => ({ type, reason, error, message, count })),
  ).toEqual([
    { type: 'plain', reason: 'error', error: 'NonRetryableError', message: 'it broke: order <n>', count: 3 },
    { type: 'plain', reason: 'error', error: 'NonRetryableError', message: 'it broke: nothing', count: 1 },
  ])
  expect(groups[0]?.fingerprint).toMatch(/^[0-9a-f]{12}$/)
  expect(await mill.tasks.dead({ text: 'NOTHING' })).toHaveLength(1)
  expect(await mill.tasks.dead({ limit: 1 })).toEqual(groups.slice(0, 1))
  expect(await mill.tasks.dead({ queue: 'other' })).toEqual([])
  await expect(mill.tasks.dead({ limit: 0 })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(mill.tasks.dead({ state: 'failed' } as never)).rejects.toMatchObject({
    code: 'invalid-argument',
  })
})
