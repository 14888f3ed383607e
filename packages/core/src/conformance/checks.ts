/** What an enqueue is checked for, in which order: ids, the fence, the gate, unique keys, parents. */
import { cases, type ConformanceCase } from './case.ts'
import { equal } from './expect.ts'
import { fenceOf } from './worker.ts'
import type { TaskSpec } from '../store/records.ts'

const CREATED = { outcome: 'created' } as const

function conflict(index: number, id: string): object {
  return { outcome: 'rejected', index, rejection: { code: 'conflict', id } }
}

function otherDigest(spec: TaskSpec): TaskSpec {
  return { ...spec, digest: 'another-digest-1' }
}

const order = cases('checks', {
  'the id is looked at before the parents': async (scene) => {
    const spec = scene.spec()
    await scene.add(spec)
    const after = [{ parent: scene.id(), ifFailed: 'run' }] as const
    equal((await scene.add({ ...spec, after }))[0]?.outcome, 'duplicate')
    equal(await scene.group([otherDigest({ ...spec, after })]), conflict(0, spec.id))
  },

  'the id is looked at before the unique key': async (scene) => {
    await scene.enqueue({ unique: { key: 'k', while: 'live', then: 'keep' } })
    const spec = scene.spec()
    await scene.add(spec)
    const keyed = { ...spec, unique: { key: 'k', while: 'live', then: 'reject' } } as const
    equal((await scene.add(keyed))[0], { outcome: 'duplicate', by: { id: spec.id, state: 'pending' } })
    equal(await scene.group([otherDigest(keyed)]), conflict(0, spec.id))
  },

  'the unique key is looked at before the parents': async (scene) => {
    const holder = await scene.enqueue({ unique: { key: 'k', while: 'live', then: 'keep' } })
    const after = [{ parent: scene.id(), ifFailed: 'run' }] as const
    const by = { id: holder, state: 'pending' } as const
    const keep = scene.spec({ unique: { key: 'k', while: 'live', then: 'keep' }, after })
    equal(await scene.add(keep), [{ outcome: 'duplicate', by }])
    const reject = scene.spec({ unique: { key: 'k', while: 'live', then: 'reject' }, after })
    const rejection = { code: 'unique', key: 'k', by } as const
    equal(await scene.group([reject]), { outcome: 'rejected', index: 0, rejection })
  },

  'the ids are looked at before the fence': async (scene) => {
    const worker = await scene.worker()
    const spec = scene.spec()
    await scene.add(spec)
    const claim = await worker.claimOne()
    const stale = { ...fenceOf(claim), epoch: claim.epoch + 1 }
    const by = { id: spec.id, state: 'running' } as const
    const known = { outcome: 'added', tasks: [{ outcome: 'duplicate', by }] }
    equal(await scene.group([spec], { under: stale }), known, 'a group whose ids are all known')
    equal(await scene.group([otherDigest(spec)], { under: stale }), conflict(0, spec.id))
    equal(await scene.group([spec, scene.spec()], { under: stale }), { outcome: 'stale' })
  },

  'the repeat of what a task added is answered after its end': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue()
    const claim = await worker.claimOne()
    const specs = scene.specs(2)
    await scene.addAll(specs, { under: fenceOf(claim) })
    await worker.end(claim)
    const answer = await scene.group(specs, { under: fenceOf(claim) })
    const tasks = specs.map(({ id }) => ({ outcome: 'duplicate', by: { id, state: 'pending' } }))
    equal(answer, { outcome: 'added', tasks })
  },

  'the fence is looked at before keys and parents': async (scene) => {
    await scene.enqueue({ unique: { key: 'k', while: 'live', then: 'reject' } })
    const stale = { task: scene.id(), epoch: 1, nonce: scene.nonce() }
    const refused = [
      scene.spec({ unique: { key: 'k', while: 'live', then: 'reject' } }),
      scene.spec({ unique: { key: 'k', while: 'live', then: 'keep' } }),
      scene.spec({ after: [{ parent: scene.id(), ifFailed: 'run' }] }),
    ]
    for (const spec of refused) equal(await scene.group([spec], { under: stale }), { outcome: 'stale' })
  },
})

const faults = cases('checks', {
  'of several faults the earliest check decides, whatever their places': async (scene) => {
    const taken = scene.spec()
    await scene.add(taken)
    const by = {
      id: await scene.enqueue({ unique: { key: 'k', while: 'live', then: 'keep' } }),
      state: 'pending',
    } as const
    const gone = scene.id()
    await scene.store.openGate(gone)
    const parent = scene.id()
    const orphan = scene.spec({ after: [{ parent, ifFailed: 'run' }] })
    const unwanted = scene.spec({ unique: { key: 'k', while: 'live', then: 'reject' } })
    const tasks = [orphan, unwanted, otherDigest(taken)]
    const gate = { gate: gone }
    equal(await scene.group(tasks, gate), conflict(2, taken.id), 'ids')
    const shut = { outcome: 'rejected', index: 0, rejection: { code: 'gate-gone', gate: gone } }
    equal(await scene.group([scene.spec(), unwanted, orphan], gate), shut, 'the gate')
    const unique = { outcome: 'rejected', index: 1, rejection: { code: 'unique', key: 'k', by } }
    equal(await scene.group([orphan, unwanted]), unique, 'keys')
    const unknown = { outcome: 'rejected', index: 1, rejection: { code: 'unknown-parent', parent } }
    equal(await scene.group([scene.spec(), orphan]), unknown, 'parents')
    for (const { id } of [orphan, unwanted]) await scene.gone(id)
  },

  'of several faults of one kind the first task is named': async (scene) => {
    const taken = scene.specs(2)
    await scene.addAll(taken)
    const [first, second] = taken.map(otherDigest)
    equal(await scene.group([scene.spec(), second!, first!]), conflict(1, second!.id))
    const parents = [scene.id(), scene.id(), scene.id()]
    const orphans = parents.map((parent) => scene.spec({ after: [{ parent, ifFailed: 'run' }] }))
    const rejection = { code: 'unknown-parent', parent: parents[0] }
    equal(await scene.group([scene.spec(), ...orphans]), { outcome: 'rejected', index: 1, rejection })
  },

  'the parents of a duplicate are not looked at': async (scene) => {
    const spec = scene.spec()
    await scene.add(spec)
    const [strange, fresh] = [scene.id(), scene.id()]
    const repeat = { ...spec, after: [{ parent: strange, ifFailed: 'run' }] } as const
    const orphan = scene.spec({ after: [{ parent: fresh, ifFailed: 'run' }] })
    const rejection = { code: 'unknown-parent', parent: fresh }
    equal(await scene.group([repeat, orphan]), { outcome: 'rejected', index: 1, rejection })
  },
})

const under = cases('checks', {
  'a running task adds under its fence': async (scene) => {
    const worker = await scene.worker()
    const owner = await scene.enqueue()
    const claim = await worker.claimOne()
    equal(claim.id, owner, 'the claim')
    const spec = scene.spec()
    equal(await scene.addAll([spec], { under: fenceOf(claim) }), [CREATED])
    await scene.see(spec.id, { state: 'pending' })
  },

  'a stale fence adds nothing': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue()
    const fence = fenceOf(await worker.claimOne())
    const wrong = [
      { ...fence, epoch: fence.epoch + 1 },
      { ...fence, epoch: fence.epoch - 1 },
      { ...fence, nonce: scene.nonce() },
      { ...fence, task: scene.id() },
    ]
    for (const stale of wrong) {
      const spec = scene.spec()
      equal(await scene.group([spec], { under: stale }), { outcome: 'stale' })
      await scene.gone(spec.id)
    }
  },

  'nothing is added in the name of a task that has ended': async (scene) => {
    const worker = await scene.worker()
    await scene.enqueue()
    const claim = await worker.claimOne()
    await worker.end(claim)
    const spec = scene.spec()
    equal(await scene.group([spec], { under: fenceOf(claim) }), { outcome: 'stale' })
    await scene.gone(spec.id)
  },

  'a stale group takes none of its neighbours with it': async (scene) => {
    const [before, after] = scene.specs(2)
    const stale = { task: scene.id(), epoch: 1, nonce: scene.nonce() }
    const answers = await scene.addGroups([
      { tasks: [before!] },
      { tasks: scene.specs(1), under: stale },
      { tasks: [after!] },
    ])
    equal(
      answers.map((answer) => answer.outcome),
      ['added', 'stale', 'added'],
    )
  },
})

export const checkCases: readonly ConformanceCase[] = [...order, ...faults, ...under]
