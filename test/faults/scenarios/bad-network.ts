/** A network that is late, cuts connections, tears what it carries, and goes deaf without a word. */
import { setTimeout as sleep } from 'node:timers/promises'
import { ENGINES } from '../../servers/stage.ts'
import { Scene, standard } from '../rig/scene.ts'
import type { NetworkFaults } from '../rig/proxy.ts'
import type { Scenario, Size, Trial, Verdict } from './scenario.ts'

/** In a short run the way is shorter, too: whoever has to connect again comes and goes a few times. */
const faultsOf = ({ forMs }: Size): Partial<NetworkFaults> => ({
  latencyMs: [50, Math.min(2_000, forMs / 40)],
  resets: 0.05,
  deaf: 0.01,
  halfClosed: 0.01,
  sliceBytes: 100,
})
const WORKERS = 3
const SLOTS = 20
/** Calls to a line that is deaf end after 10 s. */
const REST_MS = 60_000
/** It takes some seconds until one is connected. */
const PATIENCE_MS = 40_000
/** After so long nothing is on its way any more that the network has kept. */
const ARRIVED_MS = 3_000

export const badNetwork: Scenario = {
  name: 'bad-network',
  passes:
    'whose heartbeats are cut stops before anybody else begins; all comes to rest once the network is well',
  engines: ENGINES.filter((engine) => engine !== 'sqlite'),
  sizes: { short: { tasks: 60, forMs: 8_000 }, whole: { tasks: 1_500, forMs: 90_000 } },
  finds: [{ wound: 'forgets what it acknowledged', says: /^lost:/ }],
  run: runBadNetwork,
}

async function runBadNetwork(trial: Trial): Promise<Verdict> {
  const { size } = trial
  await using scene = await Scene.open(trial, {
    workers: WORKERS,
    slots: SLOTS,
    proxied: true,
    storeTimeoutMs: PATIENCE_MS,
  })
  const { random } = scene
  scene.disturb(faultsOf(size))
  await scene.caller.spread(() => ({ input: { busyMs: random.between(0, 2_000) } }), {
    calls: size.tasks,
    overMs: size.forMs,
  })
  scene.disturb({})
  await sleep(ARRIVED_MS)
  const restMs = await scene.rest(REST_MS)
  const remains = await scene.remains()
  const { codes, longestMs } = scene.caller
  return {
    tasks: remains.tasks.length,
    figures: {
      ok: codes.get('ok') ?? 0,
      refused: scene.caller.refused,
      ...scene.proxy!.done,
      'taken over': remains.grants.filter(({ cause }) => cause === 'lapsed').length,
      'longest call ms': Math.round(longestMs),
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: standard(scene, remains, { selfFenced: true, storeTime: scene.storeTime }),
  }
}
