/** The store does what it was asked to, and its reply never arrives: one in five, of whatever operation. */
import { ENGINES } from '../../servers/stage.ts'
import { Scene, standard } from '../rig/scene.ts'
import type { Scenario, Trial, Verdict } from './scenario.ts'

const SHARE = 0.2
const WORKERS = 2
const SLOTS = 20
const REST_MS = 60_000

export const droppedReplies: Scenario = {
  name: 'dropped-replies',
  passes: 'each call of a client is one task or none, and ends well or as ambiguous',
  engines: ENGINES,
  sizes: { short: { tasks: 100, forMs: 3_000 }, whole: { tasks: 3_000, forMs: 60_000 } },
  finds: [{ wound: 'adds repeats anew', says: /^never-enqueued:/ }],
  run: runDropped,
}

async function runDropped(trial: Trial): Promise<Verdict> {
  const { engine, size } = trial
  const network = engine === 'sqlite' ? { droppedAnswers: SHARE } : { proxied: true }
  await using scene = await Scene.open(trial, { workers: WORKERS, slots: SLOTS, ...network })
  scene.disturb({ droppedReplies: SHARE })
  // few at a time: those who share a trip share its reply
  await scene.caller.spread(() => ({ input: { busyMs: 20 } }), {
    calls: size.tasks,
    overMs: size.forMs,
    atATime: 8,
  })
  const restMs = await scene.rest(REST_MS)
  scene.disturb({})
  const remains = await scene.remains()
  const { codes, longestMs } = scene.caller
  const other = [...codes.keys()].filter((code) => code !== 'ok' && code !== 'ambiguous')
  return {
    tasks: remains.tasks.length,
    figures: {
      ok: codes.get('ok') ?? 0,
      ambiguous: codes.get('ambiguous') ?? 0,
      'dropped replies': scene.proxy?.done.droppedReplies ?? `${SHARE * 100} %`,
      'longest call ms': Math.round(longestMs),
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...standard(scene, remains),
      ...other.map((code) => `answer: ${codes.get(code)} calls ended with ${code}`),
    ],
  }
}
