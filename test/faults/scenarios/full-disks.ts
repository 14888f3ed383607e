/** The disk of a SQLite file is full for a while, to the last byte. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { damages, fileOf } from '../rig/file.ts'
import { Scene, standard } from '../rig/scene.ts'
import { smallDisk } from '../rig/small-disk.ts'
import { atMost, type Scenario, type Trial, type Verdict } from './scenario.ts'

/** More than a write-ahead log grows to before it is begun anew: one that fills its own disk has nowhere to go. */
const DISK_BYTES = 128 * 1_048_576
/** Callers are told while it lasts. */
const PATIENCE_MS = 1_000
const DELAY_MAX_MS = 50
const REST_MS = 30_000

export const fullDisks: Scenario = {
  name: 'full-disks',
  passes: `calls are refused with store-full; event loop delay p99 ≤ ${DELAY_MAX_MS} ms; integrity_check ok; goes on by itself`,
  engines: ['sqlite'],
  sizes: { short: { tasks: 1_500, forMs: 7_500 }, whole: { tasks: 10_000, forMs: 40_000 } },
  finds: [{ wound: 'forgets what it acknowledged', says: /^lost:/ }],
  run: runFull,
}

async function runFull(trial: Trial): Promise<Verdict> {
  const { size } = trial
  using disk = smallDisk(DISK_BYTES)
  if (disk === undefined) throw new Error('Only who may mount can run this: root.')
  await using scene = await Scene.open(trial, {
    workers: 2,
    slots: 20,
    folder: disk.folder,
    storeTimeoutMs: PATIENCE_MS,
  })
  const { random } = scene
  const calling = scene.caller.spread(() => ({ input: { busyMs: random.between(0, 100) } }), {
    calls: size.tasks,
    overMs: size.forMs,
  })
  const delays = monitorEventLoopDelay({ resolution: 10 })
  delays.enable()
  await sleep(size.forMs / 3)
  disk.fill()
  await sleep(size.forMs / 3)
  disk.clear()
  await calling
  delays.disable()
  const restMs = await scene.rest(REST_MS)
  const remains = await scene.remains()
  const p99Ms = delays.percentile(99) / 1e6
  const { codes, longestMs } = scene.caller
  const others = [...codes.keys()].filter(
    (code) => !['ok', 'store-full', 'store-unavailable', 'ambiguous'].includes(code),
  )
  return {
    tasks: remains.tasks.length,
    figures: {
      ok: codes.get('ok') ?? 0,
      full: codes.get('store-full') ?? 0,
      refused: codes.get('store-unavailable') ?? 0,
      'longest call ms': Math.round(longestMs),
      'event loop delay p99 ms': Math.round(p99Ms),
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...standard(scene, remains),
      ...(codes.has('store-full') ? [] : ['full: nobody was told, so nothing was shown']),
      ...others.map((code) => `answer: ${codes.get(code)} calls ended with ${code}`),
      ...damages(fileOf(scene.stage)),
    ],
    late: atMost('event loop delay p99 ms', p99Ms, DELAY_MAX_MS),
  }
}
