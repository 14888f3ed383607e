/** The wall clocks of the workers are off by an hour, those of one half ahead, of the other behind. */
import { Scene, standard } from '../rig/scene.ts'
import { atMost, type Scenario, type Trial, type Verdict } from './scenario.ts'

const SKEW = new URL('../rig/skewed-clock.ts', import.meta.url).href
const WORKERS = 4
const SLOTS = 20
const REST_MS = 30_000
const LATE_MS = 250
const DAYS_30_MS = 30 * 86_400_000

export const skewedClocks: Scenario = {
  name: 'skewed-clocks',
  passes: `each task starts within ${LATE_MS} ms of its time, none before`,
  // on SQLite the clock of a worker's machine is store time itself
  engines: ['postgres', 'redis'],
  sizes: { short: { tasks: 150, forMs: 3_000 }, whole: { tasks: 3_000, forMs: 30_000 } },
  finds: [{ wound: "goes by the caller's clock", says: /^started-early:|^due:/ }],
  run: runSkewed,
}

async function runSkewed(trial: Trial): Promise<Verdict> {
  const { size, wound } = trial
  await using scene = await Scene.open(trial, { workers: WORKERS, slots: SLOTS, preloads: [SKEW] })
  const { random } = scene
  const delays = new Map<number, number>()
  const ahead = new Set<string>()
  const drawn = (n: number): number => {
    delays.set(n, random.between(50, size.forMs))
    return delays.get(n)!
  }
  // the client of this process knows the hour; those of the workers enqueue what they are told to
  await scene.caller.spread((n) => ({ input: { busyMs: 0, child: drawn(n) } }), {
    calls: size.tasks,
    // what is to be seen is when they start, and not how many at once
    overMs: Math.max(1_000, 3 * size.tasks),
  })
  const far = await scene.caller.one((n) => {
    delays.set(n, DAYS_30_MS)
    return { input: { busyMs: 0 }, options: { delay: '30d' } }
  })
  ahead.add(far!)
  // what is due at another time is not waited for
  const restMs = await scene.rest(size.forMs + (wound === undefined ? REST_MS : size.forMs), ahead.size)
  const remains = await scene.remains()
  const timed = remains.tasks.filter(({ tags }) => tags.length > 0)
  const wrong = timed.filter(({ runAt, enqueuedAt, tags }) => runAt !== enqueuedAt + Number(tags[0]))
  const late = timed.map(({ startedAt, runAt }) => (startedAt ?? Infinity) - runAt)
  const distant = remains.tasks.find(({ id }) => id === far)!
  return {
    tasks: remains.tasks.length,
    figures: {
      delayed: timed.length,
      'late max ms': Math.max(...late),
      'early max ms': Math.max(0, ...late.map((ms) => -ms)),
      'rest ms': Math.round(restMs ?? Infinity),
    },
    problems: [
      ...standard(scene, remains, { rest: { except: [...ahead] }, enqueues: undefined }),
      ...wrong.map(
        ({ id, runAt, enqueuedAt, tags }) =>
          `due: task ${id} is due ${runAt - enqueuedAt} ms after it came, not ${tags[0]}`,
      ),
      ...(timed.length === size.tasks
        ? []
        : [`due: ${timed.length} of ${size.tasks} tasks with a delay are there`]),
      ...late.filter((ms) => ms < 0).map((ms) => `started-early: by ${-ms} ms`),
      ...(distant.runAt - distant.enqueuedAt === DAYS_30_MS && distant.startedAt === null
        ? []
        : ['due: what is due in 30 days is not']),
    ],
    late: atMost('start late ms', Math.max(...late), LATE_MS),
  }
}
