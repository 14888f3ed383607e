/** Enqueuing: idempotence by id and digest, groups and their fates, the order of the checks. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, matches, only } from './expect.ts'
import { NO_COUNTS } from './scene.ts'
import { fail, giveWay, succeed } from './worker.ts'
import type { TaskSpec } from '../store/records.ts'

const CREATED = { outcome: 'created' } as const

function conflict(index: number, id: string): object {
  return { outcome: 'rejected', index, rejection: { code: 'conflict', id } }
}

function unknownParent(index: number, parent: string): object {
  return { outcome: 'rejected', index, rejection: { code: 'unknown-parent', parent } }
}

function otherDigest(spec: TaskSpec): TaskSpec {
  return { ...spec, digest: 'another-digest-1' }
}

const basics = cases('enqueue', {
  'a new task is kept as it was given': async (scene) => {
    const spec = scene.spec({
      type: 'image.thumbnail',
      needs: ['gpu', 'ssd'],
      queue: 'media',
      level: 1,
      due: { inMs: 1_500 },
      timeoutMs: 5_000,
      startByMs: 60_000,
      deadlineMs: 120_000,
      tags: ['b', 'a'],
      metadata: { customer: '42' },
      headers: { traceparent: '00-ab' },
    })
    equal(await scene.add(spec), [CREATED])
    const { type, needs, queue, level, payload, policy, timeoutMs, tags, metadata, headers, after } = spec
    const record = await scene.look(spec.id)
    const at = record.enqueuedAt
    matches(record, {
      id: spec.id,
      type,
      needs,
      queue,
      level,
      payload,
      policy,
      timeoutMs,
      tags,
      metadata,
      headers,
      after,
    })
    matches(record, {
      state: 'pending',
      held: false,
      reason: null,
      counters: NO_COUNTS,
      error: null,
      uniqueKey: null,
    })
    matches(record, { runAt: at + 1_500, startBy: at + 60_000, deadlineAt: at + 120_000, startedAt: null })
    matches(record, { cancel: null, blockers: 0, progress: null, result: null, checkpoint: null, logs: [] })
    equal(only(record.history), { at, event: 'enqueued', epoch: record.epoch, session: null, detail: null })
  },

  'a task is enqueued at store time': async (scene) => {
    const before = await scene.now()
    const id = await scene.enqueue()
    const { enqueuedAt, runAt } = await scene.look(id)
    holds(before <= enqueuedAt && enqueuedAt <= (await scene.now()), 'enqueuedAt is not store time')
    equal(runAt, enqueuedAt, 'runAt')
  },

  'an absolute due time is kept, in the past too': async (scene) => {
    const at = (await scene.now()) - 5_000
    await scene.see(await scene.enqueue({ due: { at } }), { runAt: at, state: 'pending' })
    await scene.see(await scene.enqueue({ due: { at: at + 60_000 } }), { runAt: at + 60_000 })
    await scene.see(await scene.enqueue({ due: { at: 0 } }), { runAt: 0 })
    equal((await (await scene.worker()).claim(10)).length, 2, 'the claims')
  },

  'a thousand tasks fit into one request': async (scene) => {
    const specs = scene.specs(1_000)
    equal(
      await scene.addAll(specs),
      Array.from(specs, () => CREATED),
    )
    await scene.seeAll(
      specs.map((spec) => spec.id),
      'pending',
    )
  },

  'no groups, and groups of no tasks, are answered': async (scene) => {
    equal(await scene.store.add({ groups: [], again: false }), [])
    const answers = await scene.addGroups([{ tasks: [] }, { tasks: [scene.spec()] }, { tasks: [] }])
    equal(
      answers.map((answer) => answer.outcome),
      ['added', 'added', 'added'],
    )
  },

  'requests are never changed': async (scene) => {
    const parent = frozen(scene.spec())
    const child = frozen(scene.spec({ after: [{ parent: parent.id, ifFailed: 'cancel' }], tags: ['b', 'a'] }))
    const request = frozen({ groups: [{ tasks: [parent, child], under: null, gate: null }], again: false })
    equal((await scene.store.add(request))[0]?.outcome, 'added')
    const worker = await scene.worker()
    const claim = await worker.claimOne()
    await worker.exchange(frozen({ settlements: [worker.settlement(claim, succeed())] }))
    await scene.see(child.id, { state: 'pending' })
  },
})

const idempotence = cases('enqueue', {
  'the same id and digest is a duplicate of the task that is there': async (scene) => {
    const spec = scene.spec()
    await scene.add(spec)
    const by = { id: spec.id, state: 'pending' } as const
    equal(await scene.add(spec), [{ outcome: 'duplicate', by }])
  },

  'a duplicate changes nothing': async (scene) => {
    const spec = scene.spec()
    await scene.add(spec)
    const before = await scene.look(spec.id)
    await scene.add({ ...spec, level: 0, held: true, due: { inMs: 9_000 }, tags: ['new'] })
    equal(await scene.look(spec.id), before)
  },

  'a repeat is a duplicate whatever became of the task': async (scene) => {
    const worker = await scene.worker()
    const specs = scene.specs(4)
    await scene.addAll(specs)
    const [running, succeeded, failed, cancelled] = await worker.claim(4)
    await worker.end(succeeded!)
    await worker.end(failed!, fail())
    await worker.end(cancelled!, giveWay())
    const states = ['running', 'succeeded', 'failed', 'cancelled'] as const
    for (const [index, claim] of [running, succeeded, failed, cancelled].entries()) {
      const spec = specs.find(({ id }) => id === claim?.id)!
      const by = { id: spec.id, state: states[index] }
      equal(await scene.group([spec]), { outcome: 'added', tasks: [{ outcome: 'duplicate', by }] })
    }
  },

  "a user's id is known after the end, announced as a repeat or not": async (scene) => {
    const spec = scene.spec({ idMadeBy: 'user' })
    await scene.add(spec)
    const worker = await scene.worker()
    await worker.end(await worker.claimOne())
    const by = { id: spec.id, state: 'succeeded' } as const
    equal(await scene.add(spec), [{ outcome: 'duplicate', by }])
  },

  'the same id with another digest is a conflict, and writes nothing': async (scene) => {
    const spec = scene.spec()
    await scene.add(spec)
    const before = await scene.look(spec.id)
    equal(await scene.group([otherDigest(spec)]), conflict(0, spec.id))
    equal(await scene.look(spec.id), before)
  },

  'a final task still conflicts': async (scene) => {
    const spec = scene.spec({ idMadeBy: 'user' })
    await scene.add(spec)
    const worker = await scene.worker()
    await worker.end(await worker.claimOne())
    equal(only(await scene.addGroups([{ tasks: [otherDigest(spec)] }])), conflict(0, spec.id))
  },

  'an id twice in one request is one task': async (scene) => {
    const spec = scene.spec()
    const answers = await scene.addGroups([{ tasks: [spec] }, { tasks: [spec] }])
    const by = { id: spec.id, state: 'pending' } as const
    equal(answers[0], { outcome: 'added', tasks: [CREATED] })
    equal(answers[1], { outcome: 'added', tasks: [{ outcome: 'duplicate', by }] })
  },

  'an id twice in one group is one task': async (scene) => {
    const spec = scene.spec()
    const by = { id: spec.id, state: 'pending' } as const
    equal(await scene.add(spec, spec), [CREATED, { outcome: 'duplicate', by }])
  },

  'a repeated request answers as a whole, with nothing twice': async (scene) => {
    const [first, second, third] = scene.specs(3)
    await scene.add(first!, second!)
    const answer = await scene.group([first!, second!, third!])
    holds(answer.outcome === 'added', 'the repeat was not added')
    equal(
      answer.tasks.map((verdict) => verdict.outcome),
      ['duplicate', 'duplicate', 'created'],
    )
    equal((await (await scene.worker()).claim(10)).length, 3, 'the claims')
  },
})

const groups = cases('enqueue', {
  'a group is all or nothing': async (scene) => {
    const taken = scene.spec()
    await scene.add(taken)
    const key = { key: 'k', while: 'live', then: 'reject' } as const
    const [first, last] = [scene.spec({ unique: key }), scene.spec()]
    equal(await scene.group([first, otherDigest(taken), last]), conflict(1, taken.id))
    await scene.gone(first.id)
    await scene.gone(last.id)
    equal(await scene.add(scene.spec({ unique: key })), [CREATED])
    equal(await scene.add(first.unique === null ? first : { ...first, unique: null }), [CREATED])
  },

  'groups of one request have fates of their own': async (scene) => {
    const taken = scene.spec()
    await scene.add(taken)
    const [before, after] = scene.specs(2)
    const answers = await scene.addGroups([
      { tasks: [before!] },
      { tasks: [otherDigest(taken)] },
      { tasks: [scene.spec({ after: [{ parent: scene.id(), ifFailed: 'run' }] })] },
      { tasks: [after!] },
    ])
    equal(
      answers.map((answer) => answer.outcome),
      ['added', 'rejected', 'rejected', 'added'],
    )
    await scene.seeAll([before!.id, after!.id], 'pending')
  },

  'a later group may wait for a task of an earlier one': async (scene) => {
    const parent = scene.spec()
    const child = scene.spec({ after: [{ parent: parent.id, ifFailed: 'cancel' }] })
    const answers = await scene.addGroups([{ tasks: [parent] }, { tasks: [child] }])
    equal(
      answers.map((answer) => answer.outcome),
      ['added', 'added'],
    )
    await scene.see(child.id, { state: 'blocked', blockers: 1 })
  },

  'a task of a rejected group is no parent': async (scene) => {
    const taken = scene.spec()
    await scene.add(taken)
    const parent = scene.spec()
    const child = scene.spec({ after: [{ parent: parent.id, ifFailed: 'cancel' }] })
    const answers = await scene.addGroups([{ tasks: [parent, otherDigest(taken)] }, { tasks: [child] }])
    equal(answers[1], unknownParent(0, parent.id))
    await scene.gone(child.id)
  },

  'a group is refused by its first task that is bad in one way': async (scene) => {
    const taken = scene.specs(2)
    await scene.addAll(taken)
    const [one, two] = [scene.id(), scene.id()]
    const orphans = [one, two].map((parent) => scene.spec({ after: [{ parent, ifFailed: 'run' }] }))
    const [first, second] = taken.map(otherDigest)
    equal(await scene.group([scene.spec(), ...orphans]), unknownParent(1, one))
    equal(await scene.group([scene.spec(), second!, first!]), conflict(1, second!.id))
    equal(await scene.group([...orphans, first!]), conflict(2, first!.id), 'ids come before parents')
  },
})

export const enqueueCases: readonly ConformanceCase[] = [...basics, ...idempotence, ...groups]

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    for (const member of Object.values(value)) frozen(member)
    Object.freeze(value)
  }
  return value
}
