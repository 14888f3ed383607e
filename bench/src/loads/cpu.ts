/** What the main thread of a worker spends per no-op task at W3, and on what. */
import { ENGINES } from '../engine.ts'
import { OURS } from '../side.ts'
import { RATE, type Load } from '../load.ts'
import { CPU_METRICS } from './common.ts'
import { drain, drainSize } from './w3.ts'

export const cpu: Load = {
  name: 'cpu',
  cases: [
    {
      name: 'cpu',
      about: "a worker's processor time per no-op task at W3; under a profiler, where it goes",
      contenders: ['plain', 'profiled'],
      ratios: 'others / first',
      roles: ['worker'],
      metrics: [
        ...CPU_METRICS,
        RATE,
        { key: 'utilization', title: 'main thread busy', unit: '× of the time', better: 'less' },
      ],
      goals: Object.fromEntries(
        ENGINES.map((engine) => [engine, [{ metric: 'mainUs', of: 'plain', atMost: 8 }]]),
      ),
      engines: ENGINES,
      handled: drainSize,
      run: (role) => drain(role, OURS),
    },
  ],
}
