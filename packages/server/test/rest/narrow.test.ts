/** What those who may in some queues learn of the others: nothing, whichever way they ask. */
import { describe, expect, test } from 'vitest'
import { defineTask, unchecked } from '@millrace/core'
import { OTHER_WORKER, Stage } from '../stage.ts'
import { answerOf, requestOf, routeOf } from './requests.ts'

const bill = defineTask('bill', { input: unchecked<{ readonly name: string }>(), queue: 'theirs' })

interface Told {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly text: string
}

async function ask(stage: Stage, call: string, input: object = {}, as = 'limited'): Promise<Told> {
  const headers = { authorization: `Bearer ${as}` }
  const request = requestOf(routeOf(call), input as Readonly<Record<string, unknown>>, headers)
  const { status, body } = await answerOf(await stage.server.fetch(request))
  return { status, body: body as Told['body'], text: JSON.stringify(body) }
}

async function staged(): Promise<Stage> {
  const stage = new Stage()
  await stage.publish(undefined, 'mine', ['greet'])
  await stage.publish(OTHER_WORKER, 'theirs', ['bill', 'bill-again'])
  for (const role of ['producer', 'viewer', 'operator'] as const) stage.grant(role, role, 'mine')
  stage.grant('limited', 'operator', 'mine', 'mine.**')
  return stage
}

describe('lists', () => {
  /** What a filter says of a task of others, and one that says something else. */
  const pairs = [
    [{ text: 'secret' }, { text: 'public' }],
    [{ metadata: { customer: 'acme' } }, { metadata: { customer: 'other' } }],
    [{ tag: 'urgent' }, { tag: 'slow' }],
    [{ type: 'bill' }, { type: 'buy' }],
  ] as const

  test.each(pairs)('%j is answered as %j', async (right, wrong) => {
    await using stage = await staged()
    const metadata = { customer: 'acme', note: 'secret' }
    for (let n = 0; n < 3; n += 1)
      await stage.mill.enqueue(bill, { name: 'x' }, { metadata, tags: ['urgent'] })
    const all = await ask(stage, 'tasks.list', { ...right, limit: 1 }, 'root')
    expect((all.body as { readonly tasks: unknown[] }).tasks).toHaveLength(1)
    const [told, other] = [
      await ask(stage, 'tasks.list', { ...right, limit: 1 }),
      await ask(stage, 'tasks.list', { ...wrong, limit: 1 }),
    ]
    expect(told).toEqual(other)
    expect(told).toMatchObject({ status: 200, body: { tasks: [] } })
  })

  test('what is seen is filtered all the same, page by page', async () => {
    await using stage = await staged()
    const ids: string[] = []
    for (const [queue, name] of ['mine', 'theirs', 'mine.b', 'mine', 'theirs'].map(
      (one, n) => [one, n] as const,
    )) {
      const { id } = await stage.mill.enqueue(
        bill,
        { name: 'x' },
        { queue, metadata: { n: String(name % 2) } },
      )
      if (queue !== 'theirs' && name % 2 === 0) ids.unshift(id)
    }
    const found: unknown[] = []
    let cursor: unknown
    do {
      const { body } = await ask(stage, 'tasks.list', {
        metadata: { n: '0' },
        limit: 2,
        ...(cursor !== undefined && { cursor }),
      })
      const { tasks, next } = body as {
        readonly tasks: { readonly id: string }[]
        readonly next: string | null
      }
      found.push(...tasks.map(({ id }) => id))
      cursor = next ?? undefined
    } while (cursor !== undefined)
    expect(found).toEqual(ids)
  })

  test('whose only queue is named lists that, and its pages are full', async () => {
    await using stage = await staged()
    await stage.mill.enqueue(bill, { name: 'x' }, { queue: 'mine' })
    await stage.mill.enqueue(bill, { name: 'x' })
    const { body } = await ask(stage, 'tasks.list', { limit: 1 }, 'viewer')
    expect(body).toMatchObject({ tasks: [{ queue: 'mine' }], next: null })
  })
})

describe('definitions', () => {
  test('a name that was mistyped brings no names of others', async () => {
    await using stage = await staged()
    const mistyped = await ask(stage, 'tasks.enqueue', { type: 'bil', input: {} }, 'producer')
    expect(mistyped).toMatchObject({ status: 422, body: { code: 'unknown-task' } })
    expect(mistyped.text).not.toContain('bill')
    expect((await ask(stage, 'tasks.enqueue', { type: 'gree', input: {} }, 'producer')).text).toContain(
      'greet',
    )
    expect((await ask(stage, 'tasks.enqueue', { type: 'bil', input: {} }, 'root')).text).toContain('bill or')
  })

  test.each(['tasks.enqueue', 'schedules.put'])(
    '%s: a type of others is not told which queue it is for, and goes into queues that are named',
    async (call) => {
      await using stage = await staged()
      const input = {
        type: 'bill',
        input: { name: 'x' },
        ...(call === 'schedules.put' && { name: 's', every: '1h' }),
      }
      const refused = await ask(stage, call, input)
      expect(refused).toMatchObject({ status: 403 })
      expect(refused.text).not.toContain('theirs')
      expect((await ask(stage, call, { ...input, queue: 'mine' })).status).toBeLessThan(300)
    },
  )
})

describe('parents', () => {
  test.each([
    ['its id', (id: string) => id],
    ['its place', () => 0],
  ])(
    'a bulk that gives a task the id of another waits for that by %s no more than by itself',
    async (_, by) => {
      await using stage = await staged()
      const { id } = await stage.mill.enqueue(bill, { name: 'x' })
      const greet = { type: 'greet', input: { name: 'x' } }
      const given = { ...greet, id: id.toUpperCase() }
      const { body } = await ask(stage, 'tasks.enqueueMany', {
        tasks: [given, { ...greet, after: [by(id)] }],
      })
      expect(body['tasks']).toMatchObject([
        { outcome: 'rejected', error: { code: 'conflict' } },
        { outcome: 'rejected', error: { code: 'unknown-parent' } },
      ])
      const own = { ...greet, id: '0198c0de-0000-7000-8000-00000000cccc' }
      for (const outcome of ['created', 'duplicate']) {
        const again = await ask(stage, 'tasks.enqueueMany', {
          tasks: [own, { ...greet, after: [0, own.id] }],
        })
        expect(again.body['tasks']).toMatchObject([{ outcome }, { outcome: 'created' }])
      }
    },
  )
})

test('a schedule of others keeps its name, and its queue to itself', async () => {
  await using stage = await staged()
  const times = { name: 'nightly', input: { name: 'x' }, every: '1h' }
  await ask(stage, 'schedules.put', { ...times, type: 'bill' }, 'root')
  const refused = await ask(stage, 'schedules.put', { ...times, type: 'greet' })
  expect(refused.status).toBe(403)
  expect(refused.text).not.toContain('theirs')
})
