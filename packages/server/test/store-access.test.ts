import { describe, expect, test, vi } from 'vitest'
import { freePort } from '../../../test/servers/server.ts'
import { openHome } from '../../sqlite/test/home.ts'
import type { SessionRequest, TaskSpec } from '@millrace/core/store'
import type { RemoteStore } from '../src/remote/index.ts'
import { identity, serve } from './harness.ts'

const id = (digit: number): string => `00000000-0000-7000-8000-00000000000${digit}`
const nonce = (digit: number): string => `000000000000000${digit}`

function spec(taskId: string, queue: string, changes: Partial<TaskSpec> = {}): TaskSpec {
  return {
    id: taskId,
    idMadeBy: 'client',
    digest: taskId.slice(-1).padStart(16, 'd'),
    type: 'work',
    needs: [],
    queue,
    level: 2,
    lane: null,
    dueByMs: null,
    due: { inMs: 0 },
    held: false,
    payload: '{}',
    policy: { retry: { kind: 'fixed', attempts: 3, baseMs: 1_000 } },
    timeoutMs: null,
    startByMs: null,
    deadlineMs: null,
    after: [],
    unique: null,
    tags: [],
    metadata: {},
    headers: {},
    ...changes,
  }
}

function sessionOf(session: string, queue: string): SessionRequest {
  const worker = { pid: 1, types: ['work'], offers: [], concurrency: 1, state: 'running' } as const
  return { session, ttlMs: 60_000, host: 'box', queues: [queue], definitions: [], ...worker }
}

function renewal(session: string): Parameters<RemoteStore['renew']>[0] {
  return { session, ttlMs: 60_000, seq: 1, held: null, awaiting: [] }
}

function exchangeOf(session: string, queue: string): Parameters<RemoteStore['exchange']>[0] {
  const queues = [{ queue, slots: [1, 1, 1, 1, 1] as const, tasksMax: 1 }]
  const bounds = { tasksMax: 1, quantum: 1, bytesMax: 1_000, cursor: null, turn: null }
  const demand = { types: ['work'], offers: [], queues, ...bounds }
  return { session, nonce: nonce(1), again: false, settlements: [], demand }
}

const group = (...tasks: readonly TaskSpec[]): Parameters<RemoteStore['add']>[0] => ({
  groups: [{ tasks, under: null, gate: null }],
  again: false,
})

const FORBIDDEN = { name: 'AccessError', code: 'forbidden' }

describe('sessions', () => {
  test('one belongs to the credential that opened it, on each server and after each start', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('a', identity('key:a', 'worker')).set('b', identity('key:b', 'worker'))
    const [a, b] = [await served.open('a'), await served.open('b')]
    await a.openSession(sessionOf(id(1), 'media'))
    await a.add(group(spec(id(2), 'media')))
    const calls = (store: RemoteStore): readonly (() => Promise<unknown>)[] => [
      () => store.openSession(sessionOf(id(1), 'media')),
      () => store.renew(renewal(id(1))),
      () => store.exchange(exchangeOf(id(1), 'media')),
      () => store.reclaim({ session: id(1), nonce: nonce(2), again: false, tasksMax: 1, graceMs: 0 }),
      () => store.closeSession(id(1)),
    ]
    for (const call of calls(b)) await expect(call()).rejects.toMatchObject(FORBIDDEN)
    // another server, which has never heard of it
    await using second = await serve(await home.open(), { tokens: served.tokens })
    const [a2, b2] = [await second.open('a'), await second.open('b')]
    for (const call of calls(b2)) await expect(call()).rejects.toMatchObject(FORBIDDEN)
    expect((await home.store.get([id(2)]))[0]!.state).toBe('pending')
    for (const call of calls(a2)) await call()
  })

  test('whose it is stands in the store, and its worker sees the host that it gave', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('odd', identity('key:a] [as key:b', 'worker')).set('b', identity('key:b', 'worker'))
    const [odd, b] = [await served.open('odd'), await served.open('b')]
    await odd.openSession({ ...sessionOf(id(1), 'media'), host: 'box [as key:b]' })
    expect((await home.store.sessions())[0]!.host).toBe('box [as key:b] [as key:a%5D %5Bas key:b]')
    expect((await odd.sessions())[0]!.host).toBe('box [as key:b]')
    await expect(b.renew(renewal(id(1)))).rejects.toMatchObject(FORBIDDEN)
    // opened beside all servers: nobody's who comes by one
    await home.store.openSession(sessionOf(id(3), 'media'))
    await expect(b.renew(renewal(id(3)))).rejects.toMatchObject(FORBIDDEN)
  })

  test('a worker publishes no definition of another queue, and takes none over', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('narrow', identity('key:narrow', 'worker', ['media']))
    const definition = (type: string, queue: string): SessionRequest['definitions'][number] => ({
      type,
      queue,
      level: 2,
      options: '{}',
      schema: null,
    })
    const admin = await served.open()
    await admin.openSession({ ...sessionOf(id(1), 'billing'), definitions: [definition('pay', 'billing')] })
    const narrow = await served.open('narrow')
    const published = [definition('pay', 'media'), definition('cut', 'media'), definition('bill', 'billing')]
    await narrow.openSession({ ...sessionOf(id(2), 'media'), definitions: published })
    const found = (await admin.definitions()).map(({ type, queue }) => `${type} in ${queue}`)
    expect(found.toSorted()).toEqual(['cut in media', 'pay in billing'])
  })

  test('what a worker publishes is JSON, which others read', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    const admin = await served.open()
    const definition = { type: 'cut', queue: 'media', level: 2, options: '{}', schema: null } as const
    for (const odd of [{ options: 'media' }, { options: '[]' }, { options: 'null' }, { schema: '{' }])
      await expect(
        admin.openSession({ ...sessionOf(id(1), 'media'), definitions: [{ ...definition, ...odd }] }),
      ).rejects.toMatchObject({ code: 'invalid-argument' })
    expect(await admin.definitions()).toEqual([])
  })
})

test('what is larger than core would send is refused, whoever sends it', async () => {
  await using home = await openHome()
  await using served = await serve(home.store)
  const store = await served.open()
  const adding = store.add(group(spec(id(1), 'media', { metadata: { long: 'x'.repeat(20_000) } })))
  await expect(adding).rejects.toMatchObject({ code: 'too-large' })
  expect(await home.store.get([id(1)])).toEqual([null])
})

describe('tasks of other queues', () => {
  test('a bulk with one foreign task is refused as a whole', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('producer', identity('key:producer', 'producer', ['media.*']))
    const producer = await served.open('producer')
    const groups = [
      ...group(spec(id(1), 'media.video')).groups,
      ...group(spec(id(2), 'media.video.hd')).groups,
    ]
    await expect(producer.add({ groups, again: false })).rejects.toMatchObject(FORBIDDEN)
    expect(await home.store.get([id(1), id(2)])).toEqual([null, null])
  })

  test('are not commanded, and answered as if they were not there', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('ops', identity('key:ops', 'operator', ['media']))
    await home.store.add(group(spec(id(1), 'media'), spec(id(2), 'billing')))
    const ops = await served.open('ops')
    const command = { nonce: nonce(1), command: { kind: 'hold' }, tasksMax: 10 } as const
    const ids = [id(2), id(1), id(3)]
    expect(await ops.command({ ...command, target: { ids } })).toEqual({
      matched: 1,
      changed: 1,
      outcomes: ['unknown', 'changed', 'unknown'],
      cursor: null,
    })
    expect((await home.store.get([id(2)]))[0]!.held).toBe(false)
    const all = { filter: { type: 'work' }, cursor: null }
    await expect(ops.command({ ...command, target: all })).rejects.toMatchObject(FORBIDDEN)
    const release = { nonce: nonce(2), command: { kind: 'release' }, tasksMax: 10 } as const
    const own = { filter: { queue: 'media' }, cursor: null }
    expect(await ops.command({ ...release, target: own })).toMatchObject({ changed: 1 })
    const ended = served.audited.filter(({ stage }) => stage === 'ended')
    const noted = ended.map(({ caller, call, refused, changed }) => [caller, call, refused, changed])
    expect(noted).toEqual([
      ['key:ops', 'store.command', null, 1],
      ['key:ops', 'store.command', 'forbidden', undefined],
      ['key:ops', 'store.command', null, 1],
    ])
    expect(served.audited.map(({ id: of, stage }) => [of, stage])).toEqual(
      ended.flatMap(({ id: of }) => [
        [of, 'begun'],
        [of, 'ended'],
      ]),
    )
  })

  test('are not commanded by anybody while that cannot be noted', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    await home.store.add(group(spec(id(1), 'media')))
    served.parts.audit.note = () => Promise.reject(new Error('full'))
    const command = { nonce: nonce(1), command: { kind: 'hold' }, tasksMax: 10 } as const
    const admin = await served.open()
    await expect(admin.command({ ...command, target: { ids: [id(1)] } })).rejects.toMatchObject({
      code: 'store-unavailable',
      effect: 'none',
    })
    expect((await home.store.get([id(1)]))[0]!.held).toBe(false)
  })

  test('are not replaced by who may only enqueue elsewhere', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('producer', identity('key:producer', 'producer', ['media']))
    const producer = await served.open('producer')
    const unique = { key: 'k', while: 'waiting', then: 'replace' } as const
    await home.store.add(group(spec(id(1), 'billing', { unique })))
    const refused = await producer.add(group(spec(id(2), 'media', { unique })))
    expect(refused).toMatchObject([{ outcome: 'rejected', rejection: { code: 'unique', by: { id: id(1) } } }])
    expect((await home.store.get([id(1)]))[0]!.state).toBe('pending')
    const other = { ...unique, key: 'other' }
    await producer.add(group(spec(id(3), 'media', { unique: other })))
    const replaced = await producer.add(group(spec(id(4), 'media', { unique: other })))
    expect(replaced).toMatchObject([{ tasks: [{ outcome: 'replaced', previous: id(3) }] }])
  })

  test('are not replaced behind a task of the same group that may be', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('producer', identity('key:producer', 'producer', ['media']))
    const producer = await served.open('producer')
    const [own, theirs] = ['own', 'theirs'].map(
      (key) => ({ key, while: 'waiting', then: 'replace' }) as const,
    )
    await home.store.add(group(spec(id(1), 'media', { unique: own! })))
    await home.store.add(group(spec(id(2), 'billing', { unique: theirs! })))
    const two = group(spec(id(3), 'media', { unique: own! }), spec(id(4), 'media', { unique: theirs! }))
    expect(await producer.add(two)).toMatchObject([
      { outcome: 'rejected', index: 1, rejection: { code: 'unique', by: { id: id(2) } } },
    ])
    const states = (await home.store.get([id(1), id(2)])).map((task) => task?.state)
    expect(states).toEqual(['pending', 'pending'])
    const both = group(
      spec(id(5), 'media', { unique: own! }),
      spec(id(6), 'media', { unique: { ...theirs!, key: 'free' } }),
    )
    expect(await producer.add(both)).toMatchObject([
      { tasks: [{ outcome: 'replaced', previous: id(1) }, { outcome: 'created' }] },
    ])
  })

  test('are not waited for: neither by their ids nor by their keys', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('producer', identity('key:producer', 'producer', ['media']))
    const producer = await served.open('producer')
    const unique = { key: 'k', while: 'live', then: 'keep' } as const
    const theirs = spec(id(1), 'billing', { unique })
    await home.store.add(group(theirs))
    const after = (parent: string): Pick<TaskSpec, 'after'> => ({ after: [{ parent, ifFailed: 'run' }] })
    const unknown = [{ outcome: 'rejected', index: 0, rejection: { code: 'unknown-parent', parent: id(1) } }]
    expect(await producer.add(group(spec(id(2), 'media', after(id(1)))))).toEqual(unknown)
    // the same id and digest are the task that is there
    const guessed = group({ ...theirs, queue: 'media', unique: null }, spec(id(2), 'media', after(id(1))))
    expect(await producer.add(guessed)).toMatchObject([
      { outcome: 'rejected', rejection: { code: 'unknown-parent', parent: id(1) } },
    ])
    const keyed = (queue: string, at: number): ReturnType<typeof group> =>
      group(spec(id(at), queue, { unique }), spec(id(at + 1), queue, after(id(at))))
    expect(await producer.add(keyed('media', 3))).toMatchObject([
      { outcome: 'rejected', index: 0, rejection: { code: 'unique', by: { id: id(1) } } },
    ])
    expect(await home.store.get([id(2), id(3), id(4)])).toEqual([null, null, null])
    // by itself nobody waits for it
    expect(await producer.add(group(spec(id(3), 'media', { unique })))).toMatchObject([
      { tasks: [{ outcome: 'duplicate', by: { id: id(1) } }] },
    ])
    await home.store.command({
      nonce: nonce(1),
      command: { kind: 'cancel', reason: null },
      target: { ids: [id(1)] },
      tasksMax: 1,
    })
    for (const at of [5, 7])
      expect(await producer.add(keyed('media', at))).toMatchObject([
        { tasks: [{ outcome: at === 5 ? 'created' : 'duplicate' }, { outcome: 'created' }] },
      ])
    expect((await home.store.get([id(8)]))[0]!.after).toMatchObject([{ parent: id(5) }])
  })

  test('a narrow worker declares a limit that is not there, changes none, and shuts only its own', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('narrow', identity('key:narrow', 'worker', ['media']))
    const narrow = await served.open('narrow')
    const declare = (
      name: string,
      by: 'code' | 'user' | 'breaker' = 'code',
    ): ReturnType<RemoteStore['configureLimit']> => {
      const allowance = { concurrency: 0, rate: null }
      return narrow.configureLimit({
        nonce: nonce(Math.floor(Math.random() * 9)),
        name,
        version: null,
        allowance,
        shutMs: null,
        by,
      })
    }
    const allowance = { concurrency: 5, rate: null }
    await home.store.configureLimit({
      nonce: 'abcdefabcdefabcd',
      name: 'stripe',
      version: null,
      allowance,
      shutMs: null,
      by: 'code',
    })
    expect(await declare('stripe')).toBe('outdated')
    expect(await declare('mine')).toBe('applied')
    expect(await declare('breaker:stripe', 'breaker')).toBe('outdated')
    await expect(declare('queue:billing')).rejects.toMatchObject(FORBIDDEN)
    await expect(declare('mine', 'user')).rejects.toMatchObject(FORBIDDEN)
    await narrow.openSession(sessionOf(id(1), 'media'))
    await narrow.add(group(spec(id(2), 'media')))
    const { claims } = await narrow.exchange(exchangeOf(id(1), 'media'))
    const { epoch, nonce: drawn } = claims[0]!
    const settle = (name: string): ReturnType<RemoteStore['exchange']> =>
      narrow.exchange({
        ...exchangeOf(id(1), 'media'),
        nonce: nonce(2),
        demand: null,
        settlements: [
          {
            fence: { task: id(2), epoch, nonce: drawn },
            seq: 1,
            notes: null,
            transition: {
              to: 'pending',
              count: 'failure',
              delayMs: 1,
              error: null,
              shut: { name, key: '', ms: 1_000 },
            },
          },
        ],
      })
    await expect(settle('queue:billing')).rejects.toMatchObject(FORBIDDEN)
    expect((await home.store.get([id(2)]))[0]!.state).toBe('running')
    expect((await settle('queue:media')).verdicts).toEqual(['applied'])
  })
})

describe('credentials', () => {
  test('one that is not known opens nothing, and one that is revoked ends its streams within 5 s', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    await expect(served.open('nobody')).rejects.toMatchObject({
      name: 'AccessError',
      code: 'unauthenticated',
      hint: expect.stringContaining('MILLRACE_TOKEN') as string,
    })
    served.tokens.set('short', identity('key:short', 'worker'))
    const store = await served.open('short')
    const hints = store.watch()
    await hints.next()
    await store.openSession(sessionOf(id(1), 'media'))
    const looks = vi.spyOn(served.parts.authenticator, 'authenticate')
    served.tokens.delete('short')
    const revokedMs = performance.now()
    // the stream goes on until it is looked at: the same call is asked until that has come
    await vi.waitFor(
      () => expect(store.renew(renewal(id(1)))).rejects.toMatchObject({ code: 'unauthenticated' }),
      { timeout: 6_000, interval: 100 },
    )
    expect(performance.now() - revokedMs).toBeLessThan(5_000)
    expect(looks.mock.calls.length).toBeGreaterThan(0)
  })

  test('one whose roles were narrowed may no more than they say', async () => {
    await using home = await openHome()
    await using served = await serve(home.store)
    served.tokens.set('key', identity('key:k', 'producer'))
    const store = await served.open('key')
    await store.add(group(spec(id(1), 'media')))
    served.tokens.set('key', identity('key:k', 'viewer'))
    const add = (): Promise<unknown> => store.add(group(spec(id(2), 'media')))
    await vi.waitFor(() => expect(add()).rejects.toMatchObject(FORBIDDEN), { timeout: 6_000, interval: 100 })
  })

  test('a port of a server that died answers nothing, and says what to do', async () => {
    await using home = await openHome()
    const port = await freePort()
    const served = await serve(home.store, { port })
    await served[Symbol.asyncDispose]()
    await expect(served.open()).rejects.toMatchObject({
      name: 'StoreError',
      code: 'store-unavailable',
      effect: 'none',
      hint: expect.stringContaining('address and port') as string,
    })
  })
})
