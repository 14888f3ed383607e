/** Commands that are given twice under one nonce: nothing changes twice, and the answer is that of the first time. */
import { cases, type ConformanceCase } from './case.ts'
import { equal, holds, only } from './expect.ts'
import { DAY, MINUTE, type Scene } from './scene.ts'
import { fail, giveBack } from './worker.ts'
import type { Command, CommandAnswer, CommandOutcome } from '../store/control.ts'
import type { Nonce, TaskId } from '../store/records.ts'

const REMOVE: Command = { kind: 'remove' }

interface Order {
  readonly nonce: Nonce
  readonly command: Command
}

function give(scene: Scene, { nonce, command }: Order, ids: readonly TaskId[]): Promise<CommandAnswer> {
  return scene.store.command({ nonce, command, target: { ids }, tasksMax: 1_000 })
}

const repeating = cases('control', {
  'a repeated command answers as the first time, and changes nothing': async (scene) => {
    const worker = await scene.worker()
    const running = await scene.enqueue()
    await worker.claimOne()
    const failed = await scene.enqueue()
    await worker.end(await worker.claimOne(), fail())
    const [waiting, other] = await scene.enqueueMany(2)
    const runs: readonly (readonly [Command, TaskId, CommandOutcome])[] = [
      [{ kind: 'cancel', reason: 'r' }, waiting!, 'changed'],
      [{ kind: 'cancel', reason: 'r' }, running, 'requested'],
      [{ kind: 'retry', payload: null }, failed, 'changed'],
      [{ kind: 'hold' }, other!, 'changed'],
      [{ kind: 'release' }, other!, 'changed'],
      [{ kind: 'edit', payload: '"new"', level: 4, runAt: 0 }, other!, 'changed'],
    ]
    for (const [command, id, outcome] of runs) {
      const nonce = scene.nonce()
      equal(await scene.command(command, id, nonce), outcome, command.kind)
      const before = await scene.look(id)
      await scene.pass(1_000)
      equal(await scene.command(command, id, nonce), outcome, `${command.kind}, repeated`)
      equal(await scene.look(id), before, `the task after ${command.kind}, repeated`)
    }
  },

  'a repeated retry does not restart what failed again': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    await scene.cancel(id)
    const nonce = scene.nonce()
    equal(await scene.command({ kind: 'retry', payload: null }, id, nonce), 'changed')
    await worker.end(await worker.claimOne(), fail())
    equal(await scene.command({ kind: 'retry', payload: null }, id, nonce), 'changed')
    await scene.see(id, { state: 'failed' })
    equal(only(await scene.store.get([id]))?.counters.generation, 1)
  },

  'what was refused is judged anew when it is repeated': async (scene) => {
    const worker = await scene.worker()
    const id = await scene.enqueue()
    const claim = await worker.claimOne()
    const nonce = scene.nonce()
    equal(await scene.command({ kind: 'hold' }, id, nonce), 'refused')
    await worker.end(claim, giveBack())
    equal(await scene.command({ kind: 'hold' }, id, nonce), 'changed')
    await scene.see(id, { held: true })
  },

  'a repeat counts what the first time counted': async (scene) => {
    const worker = await scene.worker()
    const running = await scene.enqueue()
    await worker.claimOne()
    const [waiting, ended] = await scene.enqueueMany(2)
    await scene.cancel(ended!)
    const order = { nonce: scene.nonce(), command: { kind: 'cancel', reason: null } } as const
    const ids = [waiting!, running, ended!, scene.id()]
    const first = await give(scene, order, ids)
    equal(first.outcomes, ['changed', 'requested', 'refused', 'unknown'])
    equal(await give(scene, order, ids), first)
  },
})

const removals = cases('control', {
  'a repeated removal is answered by the tombstone': async (scene) => {
    const ids = await scene.enqueueMany(2, { idMadeBy: 'user' })
    const order = { nonce: scene.nonce(), command: REMOVE }
    const first = await give(scene, order, ids)
    equal(first, { matched: 2, changed: 2, outcomes: ['changed', 'changed'], cursor: null })
    await scene.pass(DAY - MINUTE)
    equal(await give(scene, order, ids), first)
    const other = await give(scene, { nonce: scene.nonce(), command: REMOVE }, ids)
    equal(other, { matched: 0, changed: 0, outcomes: ['unknown', 'unknown'], cursor: null })
  },

  'a repeated removal that left no tombstone finds nothing': async (scene) => {
    const [old] = await scene.enqueueMany(1)
    await scene.pass(20 * MINUTE)
    const shut = scene.spec({ idMadeBy: 'user' })
    await scene.addAll([shut], { gate: scene.id() })
    const order = { nonce: scene.nonce(), command: REMOVE }
    const ids = [old!, shut.id]
    equal((await give(scene, order, ids)).outcomes, ['changed', 'changed'])
    equal(await give(scene, order, ids), {
      matched: 0,
      changed: 0,
      outcomes: ['unknown', 'unknown'],
      cursor: null,
    })
  },

  'a repeated page counts no more than the first time': async (scene) => {
    const commands: readonly Command[] = [
      { kind: 'cancel', reason: null },
      { kind: 'edit', payload: null, level: 4, runAt: null },
      REMOVE,
    ]
    for (const command of commands) {
      const ids = await scene.enqueueMany(3, { queue: command.kind })
      const filter = { states: ['pending'], queue: command.kind } as const
      const request = {
        nonce: scene.nonce(),
        command,
        target: { filter, cursor: null },
        tasksMax: 1_000,
      }
      equal((await scene.store.command(request)).changed, 3, `changed by ${command.kind}`)
      const before = await scene.store.get(ids)
      await scene.pass(1_000)
      const { matched, changed } = await scene.store.command(request)
      holds(changed <= matched && matched <= 3, `${command.kind} counts more when it is repeated`)
      equal(await scene.store.get(ids), before, `the tasks after ${command.kind}, repeated`)
    }
  },
})

export const commandRepeatCases: readonly ConformanceCase[] = [...repeating, ...removals]
