/** Hold, release and edit: what operators change about tasks that wait. */
import { cases, type ConformanceCase } from './case.ts'
import { equal } from './expect.ts'
import { HOUR, MINUTE } from './scene.ts'
import { goOn, idsOf, snooze } from './worker.ts'
import type { Edit } from '../store/control.ts'
import type { Payload, TaskId } from '../store/records.ts'

function edit(changes: Partial<Edit>): Edit {
  return { kind: 'edit', payload: null, level: null, runAt: null, ...changes }
}

/** Bytes as numbers: a store may answer them as a class of its own. */
function plain(payload: Payload | null): string | readonly number[] | null {
  return payload === null || typeof payload === 'string' ? payload : [...payload]
}

export const editCases: readonly ConformanceCase[] = cases('edits', {
  'hold and release': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    equal(await scene.command({ kind: 'hold' }, id), 'changed')
    await scene.see(id, { state: 'pending', held: true })
    equal(await worker.claim(5), [])
    equal(await scene.command({ kind: 'release' }, id), 'changed')
    await scene.see(id, { held: false })
    const events = (await scene.look(id)).history.map((entry) => entry.event)
    equal(events, ['enqueued', 'held', 'released'])
    equal((await worker.claimOne()).id, id)
  },

  'a released task keeps to its due time': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ held: true, due: { inMs: HOUR / 2 } })
    const { runAt } = await scene.look(id)
    await scene.command({ kind: 'release' }, id)
    const answer = await worker.ask()
    equal([answer.claims.length, answer.nextInMs], [0, runAt - answer.now])
    await scene.command({ kind: 'hold' }, id)
    await scene.passTo(runAt)
    equal(await worker.claim(5), [])
    await scene.command({ kind: 'release' }, id)
    equal((await worker.claimOne()).id, id)
  },

  'a task that waits for its retry can be held': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await worker.end(await worker.claimOne(), snooze(MINUTE))
    await scene.command({ kind: 'hold' }, id)
    await scene.pass(MINUTE)
    equal(await worker.claim(5), [])
    await scene.command({ kind: 'release' }, id)
    equal((await worker.claimOne()).id, id)
  },

  'the level of a waiting task can be set': async (scene) => {
    const worker = await scene.worker()
    const [first, second, third] = await scene.enqueueMany(3)
    const scheduled = await scene.enqueue({ due: { inMs: MINUTE } })
    equal(await scene.command({ kind: 'edit', payload: null, level: 0, runAt: null }, third!), 'changed')
    equal(await scene.command({ kind: 'edit', payload: null, level: 4, runAt: null }, first!), 'changed')
    equal(await scene.command({ kind: 'edit', payload: null, level: 1, runAt: null }, scheduled), 'changed')
    await scene.see(third!, { level: 0, state: 'pending' })
    await scene.pass(MINUTE)
    const claims: TaskId[] = []
    for (let n = 0; n < 4; n++) claims.push((await worker.claimOne()).id)
    equal(claims, [third, scheduled, second, first])
  },

  'hold and level last through unblocking': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue({ level: 0 })
    const after = [{ parent, ifFailed: 'cancel' }] as const
    const [held, urgent, plain] = await scene.enqueueMany(3, { after })
    equal(await scene.command({ kind: 'hold' }, held!), 'changed')
    equal(await scene.command({ kind: 'edit', payload: null, level: 1, runAt: null }, urgent!), 'changed')
    await worker.end(await worker.claimOne())
    await scene.see(held!, { state: 'pending', held: true })
    equal([(await worker.claimOne()).id, (await worker.claimOne()).id], [urgent, plain])
    equal(await worker.claim(5), [])
    await scene.command({ kind: 'release' }, held!)
    equal((await worker.claimOne()).id, held)
  },

  'another payload takes the place of the first in a task that waits': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue({ level: 0 })
    const after = [{ parent, ifFailed: 'cancel' }] as const
    const ids = [await scene.enqueue({ payload: '"old"' }), await scene.enqueue({ after })]
    const command = edit({ payload: '"new"' })
    for (const id of ids) equal(await scene.command(command, id), 'changed')
    for (const id of ids) await scene.see(id, { payload: '"new"' })
    await worker.end(await worker.claimOne())
    for (const id of ids) {
      const claim = await worker.claimOne()
      equal([claim.id, claim.payload], [id, '"new"'])
    }
  },

  "payloads of all kinds and sizes take each other's place": async (scene) => {
    const worker = await scene.worker()
    const big = `"${'x'.repeat(20_000)}"`
    const payloads = ['"a"', new Uint8Array([0, 1, 255]), big, '', new Uint8Array(20_000).fill(7), '"b"']
    const id = await scene.enqueue({ payload: big })
    for (const payload of payloads) {
      equal(await scene.command(edit({ payload }), id), 'changed')
      equal(plain((await scene.look(id)).payload), plain(payload))
    }
    equal((await worker.claimOne()).payload, '"b"')
  },

  'another payload takes the checkpoint away, and the digest stays': async (scene) => {
    const worker = await scene.worker()
    const spec = scene.spec({ idMadeBy: 'user', payload: '"old"' })
    await scene.add(spec)
    const claim = await worker.claimOne()
    await worker.end(claim, goOn('"c"'))
    await worker.end(claim, snooze(MINUTE))
    await scene.see(spec.id, { checkpoint: '"c"' })
    equal(await scene.command(edit({ level: 1 }), spec.id), 'changed')
    await scene.see(spec.id, { checkpoint: '"c"' })
    equal(await scene.command(edit({ payload: '"new"' }), spec.id), 'changed')
    await scene.see(spec.id, { payload: '"new"', checkpoint: null })
    equal((await scene.group([spec])).outcome, 'added', 'a repeat with the digest of the enqueue')
  },

  'a task is due when an edit says so, sooner or later': async (scene) => {
    const worker = await scene.worker()
    const [later, sooner] = [await scene.enqueue(), await scene.enqueue({ due: { inMs: HOUR } })]
    const at = (await scene.now()) + MINUTE
    equal(await scene.command(edit({ runAt: at }), later), 'changed')
    equal(await scene.command(edit({ runAt: at - 2 * MINUTE }), sooner), 'changed')
    await scene.see(later, { runAt: at })
    equal(idsOf(await worker.claim(5)), [sooner])
    await scene.passTo(at)
    const claim = await worker.claimOne()
    equal([claim.id, claim.runAt], [later, at])
  },

  'a task that waits for its retry, or for others, is due when an edit says so': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const [child, early] = await scene.enqueueMany(2, {
      after: [{ parent, ifFailed: 'cancel' }],
      due: { inMs: HOUR },
    })
    const first = await worker.claimOne()
    const at = await scene.now()
    equal(await scene.command(edit({ runAt: at }), early!), 'changed')
    await worker.end(first, snooze(HOUR))
    equal(await scene.command(edit({ runAt: at }), parent), 'changed')
    await worker.end(await worker.claimOne())
    equal(idsOf(await worker.claim(5)), [early])
    await scene.see(child!, { state: 'pending' })
  },

  'an edit of a held task is seen when that is released': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue({ held: true })
    const command = edit({ payload: '"new"', level: 0, runAt: (await scene.now()) + MINUTE })
    equal(await scene.command(command, id), 'changed')
    await scene.command({ kind: 'release' }, id)
    equal(await worker.claim(5), [])
    await scene.pass(MINUTE)
    const claim = await worker.claimOne()
    equal([claim.id, claim.level, claim.payload], [id, 0, '"new"'])
  },

  'the history tells what an edit changed, and nothing of one that changed nothing': async (scene) => {
    const id = await scene.enqueue({ level: 2 })
    const { runAt } = await scene.look(id)
    equal(await scene.command(edit({ level: 2, runAt }), id), 'changed')
    equal(await scene.command(edit({ payload: '1', level: 3, runAt: runAt + 1 }), id), 'changed')
    equal(await scene.command(edit({ level: 3, runAt }), id), 'changed')
    const { history } = await scene.look(id)
    equal(
      history.slice(1).map(({ event, detail }) => [event, detail]),
      [
        ['edited', 'input, priority, runAt'],
        ['edited', 'runAt'],
      ],
    )
  },

  'what a queue and a partition hold in bytes follows an edit': async (scene) => {
    const lane = { partition: 'p', fifo: false, limits: [], prefers: [], spillMs: 0 }
    const id = await scene.enqueue({ payload: '"1234567"', lane })
    const held = async (): Promise<readonly (readonly number[])[]> => {
      const scopes = [
        { kind: 'queue', name: 'default' },
        { kind: 'partition', name: 'p' },
      ] as const
      const { usages } = await scene.store.usage(scopes.map((scope) => ({ scope, window: null })))
      return usages.map(({ tasks, bytes }) => [tasks, bytes])
    }
    const before = await held()
    equal(await scene.command(edit({ payload: '"1234567890"' }), id), 'changed')
    equal(
      await held(),
      before.map(([tasks, bytes]) => [tasks, bytes! + 3]),
    )
    await scene.cancel(id)
    equal((await held()).flat(), [0, 0, 0, 0])
  },

  'a hold on a blocked task can be taken back': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const child = await scene.enqueue({ held: true, after: [{ parent, ifFailed: 'cancel' }] })
    await scene.see(child, { state: 'blocked', held: true })
    equal(await scene.command({ kind: 'release' }, child), 'changed')
    await worker.end(await worker.claimOne())
    equal((await worker.claimOne()).id, child)
  },
})
