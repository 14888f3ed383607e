/** `mill.examine` on a store in which something is wrong: what readers are told, and what is mended. */
import { expect, test } from 'vitest'
import { defineTask, unchecked, type Examination, type Mill } from '../../src/index.ts'
import { defectOf } from '../../src/store/index.ts'
import { World, type Line } from '../worker/world.ts'
import type { StoreDefect } from '../../src/store/audit.ts'

const job = defineTask('job', { input: unchecked<number>(), limits: [{ name: 'api', concurrency: 5 }] })
const child = defineTask('child', { input: unchecked<number>() })

interface Shop {
  readonly world: World
  readonly line: Line
  readonly mill: Mill
}

/** A store in which a little of everything has happened. */
async function shop(): Promise<Shop> {
  const world = new World()
  const line = world.line()
  const mill = world.mill(line)
  const worker = world.mill().worker({
    handlers: [
      job.handler(async (n) => {
        if (n === 3) throw new Error('it broke')
        await world.sleep(n === 2 ? 1_000_000 : 10)
      }),
      child.handler(() => undefined),
    ],
  })
  await world.settle(worker.start())
  await world.settle(mill.schedules.put('nightly', { task: child, input: 1, every: '1h' }))
  const parents = await world.settle(
    mill.enqueueMany(
      [1, 2, 3].map((n) => job.with(n)),
      { atomic: true },
    ),
  )
  await world.settle(mill.enqueue(child, 1, { after: [parents[0]!, parents[1]!] }))
  await world.settle(mill.enqueue(child, 2, { delay: '1h' }))
  await world.time.advance(60_000)
  line.calls.length = 0
  return { world, line, mill }
}

const examined = ({ world, mill }: Shop, repair?: boolean): Promise<Examination> =>
  world.settle(mill.examine({ repair }))

test('a store in order has no findings, and is left alone', async () => {
  const made = await shop()
  expect(await examined(made, true)).toEqual({ tasks: 5, findings: [], unseen: [] })
  const reads = /^(audit|queues|sessions|dueSchedules|schedules|list|get|outcomes|limits)$/
  expect(made.line.calls.filter(({ method }) => !reads.test(method))).toEqual([])
})

test('parents that live are found behind those whose results are large', async () => {
  const world = new World()
  const mill = world.mill()
  const worker = world.mill().worker({
    handlers: [
      job.handler(async (n) => (n < 3 ? 'x'.repeat(600_000) : world.sleep(1_000_000))),
      child.handler(() => undefined),
    ],
  })
  await world.settle(worker.start())
  const parents = await world.settle(
    mill.enqueueMany(
      [1, 2, 3, 4].map((n) => job.with(n)),
      { atomic: true },
    ),
  )
  await world.settle(mill.enqueue(child, 1, { after: parents }))
  await world.time.advance(60_000)
  expect((await world.settle(mill.examine())).findings).toEqual([])
})

test('what is only on its way is no finding', async () => {
  const made = await shop()
  let looks = 0
  made.line.keep('sessions', async (pass) => ((looks += 1) === 1 ? [] : pass()))
  expect(await examined(made)).toMatchObject({ findings: [] })
  expect(looks).toBe(2)
})

test('tasks that nobody looks after are reported', async () => {
  const made = await shop()
  made.line.keep('sessions', async () => [])
  const { findings } = await examined(made, true)
  expect(findings).toMatchObject([{ code: 'unattended', outcome: 'reported' }])
})

test('slots that nobody holds are reported, and given back on request', async () => {
  const made = await shop()
  made.line.keep('limits', async (pass) => {
    const answer = await pass()
    const leaked = made.line.count('recount') === 0
    return {
      ...answer,
      limits: answer.limits.map((limit) => ({
        ...limit,
        keys: limit.keys.map((key) => ({ ...key, used: key.used + (leaked ? 1 : 0) })),
      })),
    }
  })
  const finding = {
    code: 'limit-count',
    subject: 'api',
    message: 'Under api 2 are counted, and 1 run.',
    remedy: 'repair',
  }
  expect((await examined(made)).findings).toEqual([{ ...finding, outcome: 'reported' }])
  expect(made.line.count('recount')).toBe(0)
  expect((await examined(made, true)).findings).toEqual([{ ...finding, outcome: 'repaired' }])
  expect((await examined(made, true)).findings).toEqual([])
})

test('a task that waits for what has ended is reported, and let go on request', async () => {
  const made = await shop()
  made.line.keep('outcomes', async (pass) => {
    const outcomes = await pass()
    if (made.line.count('deliver') > 0) return outcomes
    return outcomes.map((outcome) =>
      outcome === null || outcome === 'later' ? outcome : { ...outcome, state: 'succeeded' as const },
    )
  })
  made.line.keep('get', async (pass) =>
    (await pass()).map((record) => (record === null ? null : { ...record, blockers: record.blockers * 2 })),
  )
  expect((await examined(made)).findings).toMatchObject([{ code: 'orphaned-edge', outcome: 'reported' }])
  expect((await examined(made, true)).findings).toMatchObject([
    { code: 'orphaned-edge', outcome: 'repaired' },
  ])
})

test('counts that do not add up are reported', async () => {
  const made = await shop()
  made.line.keep('list', async (pass) => {
    const page = await pass()
    const tasks = page.tasks.map((task) => ({ ...task, counters: { ...task.counters, returns: 9 } }))
    return { ...page, tasks }
  })
  made.line.keep('queues', async (pass) =>
    (await pass()).map((queue) => ({ ...queue, counts: { ...queue.counts, failed: 12 } })),
  )
  const { findings } = await examined(made)
  expect(findings.filter(({ code }) => code === 'counters')).toHaveLength(5)
  expect(findings.filter(({ code }) => code === 'queue-counts')).toEqual([
    {
      code: 'queue-counts',
      subject: 'default',
      message: 'The queue default says that 12 tasks are failed, and 1 are.',
      remedy: 'operator',
      outcome: 'reported',
    },
  ])
})

test('a queue that changes while it is looked at is not compared', async () => {
  const made = await shop()
  let looks = 0
  made.line.keep('queues', async (pass) =>
    (await pass()).map((queue) => ({ ...queue, counts: { ...queue.counts, failed: (looks += 1) } })),
  )
  expect((await examined(made)).findings).toEqual([])
})

/** Says of itself what is given, on two pages, until it is repaired. */
function finding(made: Shop, ...defects: readonly StoreDefect[]): void {
  let mended = false
  made.line.keep('audit', async (_, { cursor, repair }) => {
    const found = mended ? defects.filter(({ remedy }) => remedy !== 'repair') : defects
    mended ||= repair && cursor !== null
    if (cursor === null) return { defects: found.slice(0, 1), unseen: ['The cellar.'], next: 'more' }
    return { defects: found.slice(1), unseen: ['The cellar.'], next: null }
  })
}

const stray = defectOf({ code: 'stray-key', subject: 'k', detail: 'of nobody', remedy: 'repair' })
const lost = defectOf({ code: 'lost-payload', subject: 'x', detail: '', remedy: 'operator' })

test('what the store finds in itself is reported, and mended on request as far as it can be', async () => {
  const made = await shop()
  finding(made, stray, lost)
  expect(await examined(made)).toEqual({
    tasks: 5,
    unseen: ['The cellar.'],
    findings: [
      { ...stray, outcome: 'reported' },
      { ...lost, outcome: 'reported' },
    ],
  })
  expect((await examined(made, true)).findings).toEqual([
    { ...stray, outcome: 'repaired' },
    { ...lost, outcome: 'reported' },
  ])
  expect((await examined(made)).findings).toEqual([{ ...lost, outcome: 'reported' }])
})

test('where nothing can be mended nothing is written', async () => {
  const made = await shop()
  finding(made, lost)
  await examined(made, true)
  const asked = made.line.requests('audit').map(({ repair }) => repair)
  expect(new Set(asked)).toEqual(new Set([false]))
})

test('what both the store and its readers find is told once, as the store says it', async () => {
  const made = await shop()
  const counts = defectOf({ code: 'queue-counts', subject: 'default', detail: 'of itself', remedy: 'repair' })
  finding(made, counts)
  made.line.keep('queues', async (pass) =>
    (await pass()).map((queue) => ({ ...queue, counts: { ...queue.counts, failed: 12 } })),
  )
  expect((await examined(made)).findings).toEqual([{ ...counts, outcome: 'reported' }])
})

test('options that are none are refused', async () => {
  const { mill, line } = await shop()
  await expect(mill.examine({ repair: 'yes' as never })).rejects.toMatchObject({ code: 'invalid-argument' })
  await expect(mill.examine({ fix: true } as never)).rejects.toMatchObject({ code: 'invalid-argument' })
  expect(line.calls).toEqual([])
})
