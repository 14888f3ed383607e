/** Another process holds the write lock of the file for some seconds, again and again. */
import { DatabaseSync } from 'node:sqlite'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../rig/effects-journal.ts'
import { damages, fileOf } from '../rig/file.ts'
import { Scene, standard } from '../rig/scene.ts'
import { atMost, type Scenario, type Trial, type Verdict } from './scenario.ts'

const HELD_MS = 3_000
const DELAY_MAX_MS = 50
const REST_MS = 30_000

export const heldFiles: Scenario = {
  name: 'held-files',
  passes: `calls wait, or end with a typed error; event loop delay p99 ≤ ${DELAY_MAX_MS} ms; integrity_check ok`,
  engines: ['sqlite'],
  sizes: { short: { tasks: 300, forMs: 4_500 }, whole: { tasks: 4_000, forMs: 60_000 } },
  finds: [{ wound: 'forgets what it acknowledged', says: /^lost:/ }],
  run: runHeld,
}

async function runHeld(trial: Trial): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, { workers: 2, slots: 20 })
  const { random } = scene
  const path = fileOf(scene.stage)
  const calling = scene.caller.spread(() => ({ input: { busyMs: random.between(0, 50) } }), {
    calls: size.tasks,
    overMs: size.forMs,
  })
  const delays = monitorEventLoopDelay({ resolution: 10 })
  delays.enable()
  let held = 0
  for (const end = monotonicMs() + size.forMs; monotonicMs() < end; held++) {
    // not before others have written for a while: the lock is asked for without waiting
    await sleep(500)
    const stranger = new DatabaseSync(path, { timeout: 0 })
    while (!locks(stranger)) await sleep(1)
    await sleep(HELD_MS)
    stranger.exec('ROLLBACK')
    stranger.close()
  }
  await calling
  delays.disable()
  const restMs = await scene.rest(REST_MS)
  const remains = await scene.remains()
  const p99Ms = delays.percentile(99) / 1e6
  const { codes, longestMs } = scene.caller
  return {
    tasks: remains.tasks.length,
    figures: {
      locks: held,
      ok: codes.get('ok') ?? 0,
      refused: scene.caller.refused,
      'longest call ms': Math.round(longestMs),
      'event loop delay p99 ms': Math.round(p99Ms),
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...standard(scene, remains),
      ...damages(path),
      ...[...codes.keys()]
        .filter((code) => code === 'undefined')
        .map(() => 'answer: an error without a code'),
    ],
    late: atMost('event loop delay p99 ms', p99Ms, DELAY_MAX_MS),
  }
}

function locks(file: DatabaseSync): boolean {
  try {
    file.exec('BEGIN IMMEDIATE')
    return true
  } catch {
    return false
  }
}
