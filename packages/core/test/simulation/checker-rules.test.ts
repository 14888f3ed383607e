/** Keys, limits, order, joins and schedules. */
import {
  LANE,
  RAN,
  failedOnce,
  fifo,
  judge,
  key,
  keyed,
  oneAtATime,
  ran,
  task,
  waiting,
  window,
} from './stories.ts'

judge([
  {
    name: 'two live tasks hold one key',
    code: 'key-held-twice',
    wrong: { tasks: [ran('a', 0, 20), ran('b', 19, 30)], calls: keyed(key) },
    right: { tasks: [ran('a', 0, 20), ran('b', 20, 30)], calls: keyed(key) },
  },
  {
    name: 'two waiting tasks hold one key',
    code: 'key-held-twice',
    wrong: {
      tasks: [task('a', { history: RAN }), task('b', { history: RAN })],
      calls: keyed(waiting),
    },
    right: {
      tasks: [task('a', { history: RAN }), ran('b', 15, 30)],
      calls: keyed(waiting),
    },
  },
  {
    name: 'two windows for one key',
    code: 'key-held-twice',
    wrong: { tasks: [ran('a', 0, 20), ran('b', 99, 120)], calls: keyed(window) },
    right: { tasks: [ran('a', 0, 20), ran('b', 100, 120)], calls: keyed(window) },
  },
  {
    name: 'two run where one may',
    code: 'limit-exceeded',
    bounds: { limits: oneAtATime },
    wrong: { tasks: [ran('a', 0, 20), ran('b', 19, 30)] },
    right: { tasks: [ran('a', 0, 20), ran('b', 20, 30)] },
  },
  {
    name: 'more start than a rate allows',
    code: 'rate-exceeded',
    bounds: {
      limits: [{ name: 'r', allowance: { concurrency: null, rate: { limit: 1, perMs: 10, burst: 2 } } }],
    },
    wrong: {
      tasks: [0, 0, 9].map((at, n) =>
        ran(`${n}`, at, at + 1, { lane: { ...LANE, limits: [{ name: 'r', key: 'k', cost: 1 }] } }),
      ),
    },
    right: {
      tasks: [0, 0, 10].map((at, n) =>
        ran(`${n}`, at, at + 1, { lane: { ...LANE, limits: [{ name: 'r', key: 'k', cost: 1 }] } }),
      ),
    },
  },
  {
    name: 'one overtook another in strict order',
    code: 'order-broken',
    wrong: { tasks: [ran('a', 0, 20, fifo), ran('b', 5, 30, fifo)] },
    right: { tasks: [ran('a', 0, 20, fifo), ran('b', 20, 30, fifo)] },
  },
  {
    name: 'a dependent started before its parent had ended',
    code: 'join',
    wrong: { tasks: [ran('a', 0, 20), ran('b', 19, 30, { after: [{ parent: 'a', ifFailed: 'run' }] })] },
    right: { tasks: [ran('a', 0, 20), ran('b', 20, 30, { after: [{ parent: 'a', ifFailed: 'run' }] })] },
  },
  {
    name: 'a dependent was forgotten',
    code: 'join',
    bounds: { rest: { except: ['b'] } },
    wrong: {
      tasks: [
        ran('a', 0, 20),
        task('b', {
          history: [['enqueued', 0, 0]],
          state: 'blocked',
          rest: { after: [{ parent: 'a', ifFailed: 'run' }] },
        }),
      ],
    },
    right: { tasks: [ran('a', 0, 20), ran('b', 20, 30, { after: [{ parent: 'a', ifFailed: 'run' }] })] },
  },
  {
    name: 'a fire time was taken twice',
    code: 'fire-doubled',
    wrong: { fires: ['a', 'b'].map((one) => ({ schedule: 's', fireAt: 10, task: one })) },
    right: { fires: [10, 20].map((fireAt) => ({ schedule: 's', fireAt, task: `${fireAt}` })) },
  },
  {
    name: 'a schedule fired when it was not to',
    code: 'fire-doubled',
    bounds: { fires: [{ schedule: 's', at: [10] }] },
    wrong: { fires: [10, 11].map((fireAt) => ({ schedule: 's', fireAt, task: `${fireAt}` })) },
    right: { fires: [{ schedule: 's', fireAt: 10, task: 'a' }] },
  },
  {
    name: 'a fire time was left out',
    code: 'fire-missed',
    bounds: { fires: [{ schedule: 's', at: [10, 20] }] },
    wrong: { fires: [{ schedule: 's', fireAt: 10, task: 'a' }] },
    right: { fires: [10, 20].map((fireAt) => ({ schedule: 's', fireAt, task: `${fireAt}` })) },
  },
  {
    name: 'a dependent started although its parent had failed',
    code: 'join',
    wrong: {
      tasks: [
        { ...ran('a', 0, 20), ...failedOnce },
        ran('b', 20, 30, { after: [{ parent: 'a', ifFailed: 'cancel' }] }),
      ],
    },
    right: {
      tasks: [
        { ...ran('a', 0, 20), ...failedOnce },
        ran('b', 20, 30, { after: [{ parent: 'a', ifFailed: 'run' }] }),
      ],
    },
  },
])
