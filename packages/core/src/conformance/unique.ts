/** Unique keys: one live task holds a key, and loses it with its last live state. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds } from './expect.ts'
import { MINUTE, type Scene } from './scene.ts'
import { crash, demandOf, fail, giveWay, retry, snooze, succeed } from './worker.ts'
import type { TaskId, TaskSpec, UniqueSpec } from '../store/records.ts'
import type { Transition } from '../store/settlement.ts'

const KEEP: UniqueSpec = { key: 'k', while: 'live', then: 'keep' }
const REJECT: UniqueSpec = { key: 'k', while: 'live', then: 'reject' }

/** Asserts who holds the key `k`. */
async function seeHolder(scene: Scene, holder: TaskId): Promise<void> {
  const { state } = await scene.look(holder)
  const by = { id: holder, state }
  equal(
    await scene.add(scene.spec({ unique: KEEP })),
    [{ outcome: 'duplicate', by }],
    'a newcomer that keeps',
  )
  const rejection = { code: 'unique', key: 'k', by } as const
  equal(
    await scene.group([scene.spec({ unique: REJECT })]),
    { outcome: 'rejected', index: 0, rejection },
    'a newcomer to be rejected',
  )
}

async function seeFree(scene: Scene): Promise<void> {
  equal(await scene.add(scene.spec({ unique: REJECT })), [{ outcome: 'created' }], 'a newcomer')
}

const holding = cases('unique', {
  'a key is held by one live task': async (scene) => {
    const holder = await scene.enqueue({ unique: KEEP })
    await scene.see(holder, { uniqueKey: 'k' })
    await seeHolder(scene, holder)
  },

  'a newcomer that is kept out leaves no trace': async (scene) => {
    await scene.enqueue({ unique: KEEP })
    const newcomer = scene.spec({ unique: KEEP })
    await scene.add(newcomer)
    await scene.gone(newcomer.id)
    const parent = newcomer.id
    const answer = await scene.group([scene.spec({ after: [{ parent, ifFailed: 'run' }] })])
    equal(answer, { outcome: 'rejected', index: 0, rejection: { code: 'unknown-parent', parent } })
  },

  'the repeat of the holder is a duplicate of itself': async (scene) => {
    const spec = scene.spec({ unique: REJECT })
    await scene.add(spec)
    equal(await scene.group([spec]), {
      outcome: 'added',
      tasks: [{ outcome: 'duplicate', by: { id: spec.id, state: 'pending' } }],
    })
  },

  'a key is held across types and queues': async (scene) => {
    const holder = await scene.enqueue({ unique: KEEP })
    const verdicts = await scene.add(scene.spec({ unique: KEEP, type: 'other', queue: 'elsewhere' }))
    equal(verdicts, [{ outcome: 'duplicate', by: { id: holder, state: 'pending' } }])
  },

  'a key holds within one group': async (scene) => {
    const [first, second] = scene.specs(2, { unique: KEEP })
    const by = { id: first!.id, state: 'pending' } as const
    equal(await scene.add(first!, second!), [{ outcome: 'created' }, { outcome: 'duplicate', by }])
  },

  'a holder of the same group is answered with the state that it gets': async (scene) => {
    const done = await scene.enqueue()
    const worker = await scene.worker()
    await worker.end(await worker.claimOne())
    const open = await scene.enqueue({ held: true })
    const holders = [
      [
        scene.spec({
          unique: { key: 'a', while: 'live', then: 'keep' },
          after: [{ parent: open, ifFailed: 'run' }],
        }),
        'blocked',
      ],
      [
        scene.spec({
          unique: { key: 'b', while: 'live', then: 'keep' },
          after: [{ parent: done, ifFailed: 'run' }],
        }),
        'pending',
      ],
    ] as const
    for (const [holder, state] of holders) {
      const verdicts = await scene.add(holder, scene.spec({ unique: holder.unique }))
      equal(verdicts[1], { outcome: 'duplicate', by: { id: holder.id, state } })
    }
    const behind = scene.specs(2, { unique: { key: 'c', while: 'live', then: 'keep' } })
    const verdicts = await scene.addAll(behind, { gate: scene.id() })
    equal(verdicts[1], { outcome: 'duplicate', by: { id: behind[0]!.id, state: 'blocked' } })
  },

  'keys are compared to the letter': async (scene) => {
    const keys = [
      'a',
      'A',
      ' a',
      'a ',
      '\u00e9',
      'e\u0301',
      '',
      '\u0001',
      'a\u0001',
      'a\n',
      '𝒳',
      '__proto__',
      'x'.repeat(512),
      `${'x'.repeat(512)}y`,
      `work:${'🧾'.repeat(128)}`,
    ]
    for (const key of keys) {
      equal(
        await scene.add(scene.spec({ unique: { key, while: 'live', then: 'reject' } })),
        [{ outcome: 'created' }],
        JSON.stringify(key),
      )
    }
    for (const key of keys) {
      const answer = await scene.group([scene.spec({ unique: { key, while: 'live', then: 'reject' } })])
      equal(answer.outcome, 'rejected', JSON.stringify(key))
    }
  },

  'a key is held while its task is blocked, held, scheduled, running and between attempts': async (scene) => {
    const worker = await scene.worker()
    const parent = await scene.enqueue()
    const holder = await scene.enqueue({ unique: KEEP, after: [{ parent, ifFailed: 'cancel' }] })
    await seeHolder(scene, holder)
    await worker.end(await worker.claimOne())
    await scene.command({ kind: 'hold' }, holder)
    await seeHolder(scene, holder)
    await scene.command({ kind: 'release' }, holder)
    for (const transition of [retry(), crash(), snooze(0)]) {
      const claim = await worker.claimOne()
      await seeHolder(scene, holder)
      await worker.end(claim, transition)
      await seeHolder(scene, holder)
    }
  },
})

/** Ways in which the holder of the key ends. */
const ENDINGS: readonly (readonly [
  string,
  Partial<TaskSpec>,
  (scene: Scene, holder: TaskId) => Promise<void>,
])[] = [
  ['success', {}, async (scene) => endNext(scene, succeed())],
  ['failure', {}, async (scene) => endNext(scene, fail())],
  ['giving way', {}, async (scene) => endNext(scene, giveWay())],
  ['cancelling', {}, async (scene, holder) => equal(await scene.cancel(holder), 'changed')],
  ['removal', {}, async (scene, holder) => equal(await scene.remove(holder), 'changed')],
  ['expiry', { startByMs: MINUTE }, async (scene) => sweepAfter(scene, MINUTE)],
  ['the deadline', { deadlineMs: MINUTE }, async (scene) => sweepAfter(scene, MINUTE)],
]

async function endNext(scene: Scene, transition: Transition): Promise<void> {
  const worker = await scene.worker()
  await worker.end(await worker.claimOne(), transition)
}

async function sweepAfter(scene: Scene, ms: number): Promise<void> {
  await scene.pass(ms)
  await scene.sweep()
}

const freeing: readonly ConformanceCase[] = ENDINGS.flatMap(([how, changes, end]) =>
  cases('unique', {
    [`${how} frees the key`]: async (scene) => {
      const holder = await scene.enqueue({ unique: KEEP, ...changes })
      await end(scene, holder)
      await seeFree(scene)
    },
  }),
)

const borders = cases('unique', {
  'a cancelled attempt frees the key when it ends, not when it is asked': async (scene) => {
    const worker = await scene.worker()
    const holder = await scene.enqueue({ unique: KEEP })
    const claim = await worker.claimOne()
    equal(await scene.cancel(holder), 'requested')
    await seeHolder(scene, holder)
    equal(await worker.settle(claim, retry()), 'cancelled')
    await seeFree(scene)
  },

  'a dependent that ends with its parent frees its key': async (scene) => {
    const parent = await scene.enqueue()
    await scene.enqueue({ unique: KEEP, after: [{ parent, ifFailed: 'cancel' }] })
    await scene.cancel(parent)
    await scene.deliver()
    await seeFree(scene)
  },

  'a newcomer that ends at once holds no key': async (scene) => {
    const parent = await scene.enqueue()
    await scene.cancel(parent)
    const newcomer = await scene.enqueue({ unique: KEEP, after: [{ parent, ifFailed: 'fail' }] })
    await scene.deliver()
    await scene.see(newcomer, { state: 'failed', reason: 'dependency' })
    await seeFree(scene)
  },

  'a task that an exchange finds expired frees its key': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue({ unique: KEEP, startByMs: MINUTE })
    await scene.pass(MINUTE)
    equal(await worker.claim(5), [])
    await seeFree(scene)
  },

  'a task that starts over takes its key again': async (scene) => {
    const holder = await scene.enqueue({ unique: KEEP })
    await scene.cancel(holder)
    equal(await scene.restart(holder), 'changed')
    await scene.see(holder, { uniqueKey: 'k', state: 'pending' })
    await seeHolder(scene, holder)
  },

  'a task cannot start over while another one has its key': async (scene) => {
    const worker = await scene.worker()
    const first = await scene.enqueue({ unique: KEEP })
    await scene.cancel(first)
    const before = await scene.look(first)
    const second = await scene.enqueue({ unique: KEEP })
    equal(await scene.restart(first), 'key-held')
    equal(await scene.look(first), before, 'the refused task')
    await worker.end(await worker.claimOne())
    equal((await scene.look(second)).state, 'succeeded')
    equal(await scene.restart(first), 'changed')
    await seeHolder(scene, first)
  },

  'the end of an old holder does not free the key of a new one': async (scene) => {
    const first = await scene.enqueue({ unique: KEEP })
    await scene.cancel(first)
    const second = await scene.enqueue({ unique: KEEP })
    equal(await scene.remove(first), 'changed')
    await seeHolder(scene, second)
  },

  'a key is free for the next group of the request, once its holder ended before': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue({ unique: KEEP })
    await worker.exchange({
      settlements: [worker.settlement(await worker.claimOne(), succeed())],
      demand: demandOf(1),
    })
    const [first, second] = scene.specs(2, { unique: REJECT })
    const answers = await scene.addGroups([{ tasks: [first!] }, { tasks: [second!] }])
    equal(
      answers.map((answer) => answer.outcome),
      ['added', 'rejected'],
    )
    holds((await scene.look(first!.id)).state === 'pending', 'the first newcomer is not pending')
  },
})

export const uniqueCases: readonly ConformanceCase[] = [...holding, ...freeing, ...borders]
