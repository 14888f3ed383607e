/** enqueueMany: order, verdicts, all or nothing, graphs. */
import { describe, expect, test } from 'vitest'
import { defineTask, StoreError, unchecked, type BulkAnswer } from '../../src/index.ts'
import { World } from '../worker/world.ts'
import type { GroupAnswer } from '../../src/store/port.ts'

const job = defineTask('job', { input: unchecked<unknown>() })
const other = defineTask('other', { input: unchecked<unknown>() })
const UNKNOWN = '00000000-0000-4000-8000-00000000dead'
const GIVEN = '00000000-0000-4000-8000-000000000001'

function shown(answers: readonly BulkAnswer[]): string[] {
  return answers.map((answer) => (answer.outcome === 'rejected' ? answer.error.code : answer.outcome))
}

async function counts(world: World): Promise<object> {
  return (await world.store.queues())[0]?.counts ?? {}
}

describe('best effort', () => {
  test('answers each draft by itself, in the order of the drafts', async () => {
    const world = new World()
    const mill = world.mill()
    const holder = await mill.enqueue(job, 'holder', { unique: { key: 'k' } })
    const child = job.with('child', { after: [UNKNOWN] })
    const answers = await mill.enqueueMany([
      job.with('grandchild', { after: [child] }),
      job.with(1),
      child,
      job.with(new Map()),
      job.with('x'.repeat(2_000_000)),
      job.with(2, { id: 'nonsense' }),
      job.with(3, { after: [{ task: holder, ifFailed: 'ignore' as 'run' }] }),
      job.with(4, { unique: { key: 'k', then: 'reject' } }),
      job.with(5, { unique: { key: 'k' } }),
      job.with(6, { priority: 'urgent' as 'high' }),
      job.with(7),
    ])
    expect(shown(answers)).toEqual([
      'unknown-parent',
      'created',
      'unknown-parent',
      'invalid-payload',
      'too-large',
      'invalid-argument',
      'invalid-argument',
      'unique',
      'duplicate',
      'invalid-argument',
      'created',
    ])
    expect(answers[8]).toMatchObject({ id: holder.id })
    expect((await world.record((answers[10] as { id: string }).id))?.payload).toBe('7')
  })

  test('children wait for parents, in whatever order they are given', async () => {
    const world = new World()
    const mill = world.mill()
    const parent = job.with('parent')
    const child = other.with('child', { after: [{ task: parent, ifFailed: 'run' }] })
    const [first, second] = await mill.enqueueMany([child, parent])
    expect(shown([first, second])).toEqual(['created', 'created'])
    expect(await world.record(child.id!)).toMatchObject({
      state: 'blocked',
      after: [{ parent: parent.id, ifFailed: 'run' }],
    })
    expect(first.outcome === 'rejected' ? undefined : first.task.name).toBe('other')
  })

  test('the same draft twice, and again in another call, is one task', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const draft = job.with(1)
    expect(shown(await mill.enqueueMany([draft, draft]))).toEqual(['created', 'duplicate'])
    expect(shown(await mill.enqueueMany([draft]))).toEqual(['duplicate'])
    expect(await counts(world)).toMatchObject({ ready: 1 })
    // a store looks closely only at ids that it may know
    const specs = line.requests('add').flatMap(({ groups }) => groups.flatMap(({ tasks }) => tasks))
    expect(specs.map(({ idMadeBy }) => idMadeBy)).toEqual(['client', 'user', 'user'])
  })

  test('of a draft that is given twice the first one is new, whoever names it', async () => {
    const mill = new World().mill()
    const draft = job.with(1)
    const drafts = [job.with(2, { after: [draft] }), draft, draft]
    expect(shown(await mill.enqueueMany(drafts))).toEqual(['created', 'created', 'duplicate'])
  })

  test('one id for two inputs is a conflict of the later', async () => {
    const mill = new World().mill()
    expect(
      shown(await mill.enqueueMany([job.with(1, { id: GIVEN }), job.with(2, { id: GIVEN.toUpperCase() })])),
    ).toEqual(['created', 'conflict'])
  })

  test('a user function that throws is a verdict on its draft', async () => {
    const keyed = defineTask('keyed', {
      input: unchecked<{ key?: string } | null>(),
      unique: { key: (input) => input!.key!.trim() },
    })
    const mill = new World().mill()
    const answers = await mill.enqueueMany([keyed.with({ key: 'a' }), keyed.with(null)])
    expect(shown(answers)).toEqual(['created', 'invalid-argument'])
    await expect(mill.enqueue(keyed, null)).rejects.toMatchObject({
      code: 'invalid-argument',
      cause: expect.any(TypeError) as unknown,
    })
  })

  test('a parent that met a lock does not make its child an orphan', async () => {
    const world = new World()
    const line = world.line()
    let busy = true
    line.keep('add', async (pass, request) => {
      const { groups } = request
      if (!busy) return pass()
      busy = false
      const answers = await pass({ ...request, groups: groups.slice(1) })
      return [{ outcome: 'busy' }, ...answers] satisfies GroupAnswer[]
    })
    const parent = job.with('parent', { unique: { key: 'k' } })
    const answers = await world.settle(
      world.mill(line).enqueueMany([parent, job.with('child', { after: [parent] }), job.with('stranger')]),
    )
    expect(shown(answers)).toEqual(['created', 'created', 'created'])
    expect(line.requests('add').map(({ groups }) => groups.length)).toEqual([3, 2])
  })

  test('one that stays locked out is one verdict, and so is a store that goes away in the middle', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const locked: GroupAnswer = { outcome: 'busy' }
    line.keep('add', async (pass, request) => [
      locked,
      ...(await pass({ ...request, groups: request.groups.slice(1) })),
    ])
    expect(
      shown(await world.settle(mill.enqueueMany([job.with(1, { unique: { key: 'k' } }), job.with(2)]))),
    ).toEqual(['store-busy', 'created'])
    let calls = 0
    line.keep('add', (pass) =>
      ++calls === 1
        ? pass()
        : Promise.reject(new StoreError('store-unavailable', 'away', { effect: 'unknown' })),
    )
    const startedMs = world.time.nowMs
    const answers = await world.settle(mill.enqueueMany(Array.from({ length: 4_000 }, (_, n) => job.with(n))))
    const created = answers.findIndex(({ outcome }) => outcome === 'rejected')
    expect(created).toBeGreaterThan(0)
    expect(shown(answers)).toEqual(answers.map((_, index) => (index < created ? 'created' : 'ambiguous')))
    expect(world.time.nowMs - startedMs).toBeLessThanOrEqual(30_000)
  })

  test('while one part is written the next is made', async () => {
    const world = new World()
    const line = world.line()
    let [now, most] = [0, 0]
    line.keep('add', async (pass) => {
      most = Math.max(most, ++now)
      await world.sleep(5)
      now -= 1
      return pass()
    })
    const drafts = Array.from({ length: 2_000 }, (_, n) => job.with(n))
    const answers = await world.settle(world.mill(line).enqueueMany(drafts))
    expect(new Set(shown(answers))).toEqual(new Set(['created']))
    expect(answers.map((answer) => (answer.outcome === 'rejected' ? null : answer.id))).toEqual(
      drafts.map(({ id }) => id),
    )
    expect(most).toBe(2)
  })

  test('what may wait for an earlier part leaves when that was answered', async () => {
    const world = new World()
    const line = world.line()
    const sizes: number[] = []
    let now = 0
    line.keep('add', async (pass, { groups }) => {
      expect(groups.every(({ tasks }) => tasks[0]!.after.length === 0) || now === 0).toBe(true)
      now += 1
      sizes.push(groups.length)
      await world.sleep(5)
      now -= 1
      return pass()
    })
    const parent = job.with('parent')
    const drafts = [parent, ...Array.from({ length: 999 }, (_, n) => job.with(n))]
    const child = job.with('child', { after: [parent] })
    const answers = await world.settle(world.mill(line).enqueueMany([...drafts, child]))
    expect(new Set(shown(answers))).toEqual(new Set(['created']))
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_001)
  })

  test('a bulk is not turned away because of its own beginning', async () => {
    const world = new World()
    const line = world.line()
    line.keep('add', async (pass) => {
      await world.sleep(5)
      return pass()
    })
    const mill = world.mill(line, { maxPending: 10 })
    const answers = await world.settle(mill.enqueueMany(Array.from({ length: 1_000 }, (_, n) => job.with(n))))
    expect(new Set(shown(answers))).toEqual(new Set(['created']))
  })

  test('an answer that was lost does not turn new tasks into duplicates', async () => {
    const world = new World()
    const line = world.line()
    let lose = true
    line.keep('add', async (pass) => {
      const answers = await pass()
      if (!lose) return answers
      lose = false
      throw new StoreError('store-unavailable', 'lost', { effect: 'unknown' })
    })
    const draft = job.with(1)
    expect(
      shown(await world.settle(world.mill(line).enqueueMany([draft, job.with(2, { id: GIVEN }), draft]))),
    ).toEqual(['created', 'duplicate', 'duplicate'])
  })
})

describe('atomic', () => {
  test('all or nothing, in one trip, answered in order', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const parent = job.with('parent')
    const [child, made] = await mill.enqueueMany([other.with('child', { after: [parent] }), parent], {
      atomic: true,
    })
    expect([child.outcome, made.outcome, child.task.name, made.task.name]).toEqual([
      'created',
      'created',
      'other',
      'job',
    ])
    expect(line.count('add')).toBe(1)
    await expect(
      mill.enqueueMany([job.with(1), job.with(2, { after: [UNKNOWN] })], { atomic: true }),
    ).rejects.toMatchObject({
      code: 'unknown-parent',
    })
    await expect(
      mill.enqueueMany([job.with(1), job.with(new Date())], { atomic: true }),
    ).rejects.toMatchObject({ code: 'invalid-payload' })
    await expect(
      mill.enqueueMany([job.with(1), job.with(2, { id: 'nonsense' })], { atomic: true }),
    ).rejects.toMatchObject({
      code: 'invalid-argument',
    })
    expect(await counts(world)).toMatchObject({ ready: 1, blocked: 1 })
  })

  test('nothing is asked of the store for nothing', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    expect(await mill.enqueueMany([], { atomic: true })).toEqual([])
    expect(await mill.enqueueMany([])).toEqual([])
    expect(line.calls).toEqual([])
  })

  test('after a refusal the same drafts can be tried again', async () => {
    const world = new World()
    const mill = world.mill()
    const drafts = [job.with(1), job.with(2, { after: [GIVEN] })]
    await expect(mill.enqueueMany(drafts, { atomic: true })).rejects.toMatchObject({ code: 'unknown-parent' })
    await mill.enqueue(job, 'the parent', { id: GIVEN })
    expect(shown(await mill.enqueueMany(drafts, { atomic: true }))).toEqual(['created', 'created'])
  })
})

test.each([true, false])('a circle is refused before anything is written (atomic: %s)', async (atomic) => {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const a = job.with('a', { id: GIVEN, after: ['00000000-0000-4000-8000-000000000002'] })
  const b = other.with('b', { id: '00000000-0000-4000-8000-000000000002', after: [a] })
  const enqueue = (drafts: readonly ReturnType<typeof job.with>[]): Promise<unknown> =>
    atomic ? mill.enqueueMany(drafts, { atomic: true }) : mill.enqueueMany(drafts)
  await expect(enqueue([job.with('c'), a, b as never])).rejects.toMatchObject({
    code: 'cycle',
    message: expect.stringContaining('job after other after job') as unknown,
  })
  await expect(
    enqueue([job.with('self', { id: GIVEN, after: [GIVEN.toUpperCase()] })]),
  ).rejects.toMatchObject({ code: 'cycle' })
  await expect(enqueue(Array.from({ length: 50_001 }, () => job.with(0)))).rejects.toMatchObject({
    code: 'too-large',
  })
  expect(line.calls).toEqual([])
})

describe('more than one request can carry', () => {
  test('nothing starts before the gate opens, then all may', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const ran: number[] = []
    const worker = mill.worker({ handlers: job.handler((n) => void ran.push(n as number)) })
    await world.settle(worker.start())
    line.keep('add', async (pass) => {
      await world.sleep(10_000)
      return pass()
    })
    const enqueued = mill.enqueueMany(
      Array.from({ length: 2_500 }, (_, n) => job.with(n)),
      { atomic: true },
    )
    await world.time.advance(25_000)
    expect(ran).toEqual([])
    expect(await counts(world)).toMatchObject({ blocked: 2_000, ready: 0 })
    const handles = await world.settle(enqueued)
    expect(shown(handles)).toEqual(Array(2_500).fill('created'))
    await world.ended(handles.map(({ id }) => id))
    expect(ran.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 2_500 }, (_, n) => n))
    await world.settle(worker.stop())
  })

  test('a rejection in the last chunk takes back all, and the same drafts can be tried again', async () => {
    const world = new World()
    const line = world.line()
    const mill = world.mill(line)
    const drafts = Array.from({ length: 2_500 }, (_, n) => job.with(n, n === 2_400 ? { after: [GIVEN] } : {}))
    await expect(world.settle(mill.enqueueMany(drafts, { atomic: true }))).rejects.toMatchObject({
      code: 'unknown-parent',
    })
    expect(await world.store.queues()).toEqual([])
    await mill.enqueue(job, 'the parent', { id: GIVEN })
    expect(new Set(shown(await world.settle(mill.enqueueMany(drafts, { atomic: true }))))).toEqual(
      new Set(['created']),
    )
    expect(await counts(world)).toMatchObject({ ready: 2_500, blocked: 1 })
  })

  test('tasks whose ids were given are not made impossible by being taken back', async () => {
    const world = new World()
    const mill = world.mill()
    const id = (n: number): string => `00000000-0000-4000-8000-${String(n + 10).padStart(12, '0')}`
    const drafts = Array.from({ length: 1_100 }, (_, n) =>
      job.with(n, { id: id(n), after: n === 1_099 ? [GIVEN] : [] }),
    )
    await expect(world.settle(mill.enqueueMany(drafts, { atomic: true }))).rejects.toMatchObject({
      code: 'unknown-parent',
    })
    await mill.enqueue(job, 'the parent', { id: GIVEN })
    await world.settle(mill.enqueueMany(drafts, { atomic: true }))
    expect(await counts(world)).toMatchObject({ ready: 1_100, blocked: 1, cancelled: 0 })
  })

  test('an answer that was lost in the middle is no reason to leave anything behind', async () => {
    const world = new World()
    const line = world.line()
    let calls = 0
    line.keep('add', async (pass) => {
      const answers = await pass()
      if (++calls === 1) throw new StoreError('store-unavailable', 'lost', { effect: 'unknown' })
      return answers
    })
    const drafts = Array.from({ length: 1_500 }, (_, n) =>
      job.with(n, n === 1_499 ? { after: [UNKNOWN] } : {}),
    )
    await expect(world.settle(world.mill(line).enqueueMany(drafts, { atomic: true }))).rejects.toMatchObject({
      code: 'unknown-parent',
    })
    expect(await world.store.queues()).toEqual([])
  })

  test('a gate that was not opened in time is said to be gone', async () => {
    const world = new World()
    const line = world.line()
    line.keep('openGate', async () => 'gone')
    const drafts = Array.from({ length: 1_001 }, (_, n) => job.with(n))
    await expect(world.settle(world.mill(line).enqueueMany(drafts, { atomic: true }))).rejects.toMatchObject({
      code: 'ambiguous',
    })
  })

  test('edges may cross the chunks', async () => {
    const world = new World()
    const mill = world.mill()
    const parents = Array.from({ length: 1_500 }, (_, n) => job.with(n))
    const sum = other.with('sum', { after: parents })
    const [last] = await world.settle(mill.enqueueMany([sum, ...parents], { atomic: true }))
    expect(await world.record(last.id)).toMatchObject({ state: 'blocked', blockers: 1_500 })
  })
})
