/** What clients were promised, and what a task’s life says. */
import { expect, test } from 'vitest'
import { check } from '../../src/simulation/index.ts'
import { GRANTS, RAN, call, done, history, judge, settled, task, twice } from './stories.ts'

judge([
  {
    name: 'a task that was acknowledged is not there',
    code: 'lost',
    wrong: { calls: [call('enqueue', 't')] },
    right: { calls: [call('enqueue', 't')], remembered: [{ id: 't', state: 'succeeded' }] },
  },
  {
    name: 'the call failed, or nobody knows',
    code: 'lost',
    wrong: { calls: [call('enqueue', 't')] },
    right: { calls: [call('enqueue', 't', { phase: 'fail' }), call('enqueue', 'u', { phase: 'unknown' })] },
  },
  {
    name: 'it was acknowledged before the store went back',
    code: 'lost',
    bounds: { forgotten: [{ fromMs: 10, toMs: 20 }] },
    wrong: { calls: [call('enqueue', 't', { atMs: 9 })] },
    right: { calls: [call('enqueue', 't', { atMs: 10 })] },
  },
  {
    name: 'a cancel that was acknowledged left no trace',
    code: 'lost-command',
    wrong: { tasks: [done], calls: [call('cancel', 't', { answers: ['requested'] })] },
    right: { tasks: [done], calls: [call('cancel', 't', { answers: ['refused'] })] },
  },
  {
    name: 'a call has no end',
    code: 'never-answered',
    bounds: { calls: 'all answered' },
    wrong: { calls: [call('enqueue', 't', { phase: 'invoke' })] },
    right: { calls: [call('enqueue', 't', { phase: 'invoke' }), call('enqueue', 't', { phase: 'fail' })] },
  },
  {
    name: 'nobody asked for it',
    code: 'never-enqueued',
    bounds: { enqueues: 'all journalled' },
    wrong: { tasks: [done] },
    right: { tasks: [done], calls: [call('enqueue', 't', { phase: 'unknown' })] },
  },
  {
    name: 'two calls created the same task',
    code: 'created-twice',
    bounds: { ids: 'remembered' },
    wrong: { tasks: [done], calls: [call('enqueue', 't'), call('enqueue', 't', { call: 2 })] },
    right: {
      tasks: [done],
      calls: [call('enqueue', 't'), call('enqueue', 't', { call: 2, answers: ['duplicate'] })],
    },
  },
  {
    name: 'it ran without a claim',
    code: 'illegal-transition',
    wrong: {
      tasks: [
        task('t', {
          history: [
            ['enqueued', 0, 0],
            ['succeeded', 20, 0],
          ],
        }),
      ],
    },
    right: { tasks: [done] },
  },
  {
    name: 'a claim did not raise the epoch',
    code: 'illegal-transition',
    wrong: {
      tasks: [
        task('t', {
          history: [
            ['enqueued', 0, 0],
            ['claimed', 1, 0],
            ['succeeded', 2, 0],
          ],
        }),
      ],
    },
    right: { tasks: [done] },
  },
  {
    name: 'a retry forgot the cancel request',
    code: 'illegal-transition',
    wrong: {
      tasks: [
        task('t', {
          state: 'pending',
          counters: { failures: 1 },
          history: [
            ['enqueued', 0, 0],
            ['claimed', 1, 1],
            ['cancel-requested', 2, 1],
            ['retry', 3, 1],
          ],
        }),
      ],
    },
    right: {
      tasks: [
        task('t', {
          state: 'cancelled',
          history: [
            ['enqueued', 0, 0],
            ['claimed', 1, 1],
            ['cancel-requested', 2, 1],
            ['cancelled', 3, 1],
          ],
        }),
      ],
    },
  },
  {
    name: 'the record is not where its history ends',
    code: 'illegal-transition',
    wrong: { tasks: [task('t', { history: RAN, state: 'pending' })] },
    right: { tasks: [done] },
  },
  {
    name: 'a snooze was counted as a failure',
    code: 'counts',
    wrong: {
      tasks: [
        task('t', {
          history: [
            ['enqueued', 0, 0],
            ['claimed', 1, 1],
            ['snoozed', 2, 1, '5'],
            ['claimed', 7, 2],
            ['succeeded', 8, 2],
          ],
          counters: { failures: 1 },
        }),
      ],
    },
    right: {
      tasks: [
        task('t', {
          history: [
            ['enqueued', 0, 0],
            ['claimed', 1, 1],
            ['snoozed', 2, 1, '5'],
            ['claimed', 7, 2],
            ['succeeded', 8, 2],
          ],
          counters: { snoozes: 1 },
        }),
      ],
    },
  },
  {
    name: 'it ended twice',
    code: 'second-outcome',
    wrong: { tasks: [task('t', { history: [...RAN, ['failed', 30, 1]] })] },
    right: { tasks: [done] },
  },
  {
    name: 'two settlements under one epoch were accepted',
    code: 'second-outcome',
    wrong: {
      tasks: [done],
      grants: GRANTS,
      settlements: [settled(), settled({ seq: 2 })],
    },
    right: { tasks: [done], grants: GRANTS, settlements: [settled(), settled()] },
  },
  {
    name: 'an outcome that was accepted is not there',
    code: 'lost-outcome',
    bounds: { forgotten: [{ fromMs: 100, toMs: 110 }] },
    wrong: {
      tasks: [
        task('t', {
          history: [
            ['enqueued', 0, 0],
            ['claimed', 10, 1],
          ],
          state: 'running',
        }),
      ],
      grants: GRANTS,
      settlements: [settled()],
    },
    right: {
      tasks: [
        task('t', {
          history: [
            ['enqueued', 0, 0],
            ['claimed', 10, 1],
          ],
          state: 'running',
        }),
      ],
      grants: GRANTS,
      settlements: [settled({ atMs: 105 })],
    },
  },
  {
    name: 'a call failed, and had an effect all the same',
    code: 'never-enqueued',
    wrong: { tasks: [done], calls: [call('enqueue', 't', { phase: 'fail' })] },
    right: { tasks: [done], calls: [call('enqueue', 't', { phase: 'unknown' })] },
  },
  {
    name: 'somebody saw what nobody was to see',
    code: 'error',
    wrong: { errors: ['The claims do not add up.'] },
    right: { errors: [] },
  },
  {
    name: 'a failure was counted when a worker had died',
    code: 'counts',
    wrong: {
      tasks: [
        task('t', {
          history: [
            ['enqueued', 0, 0],
            ['claimed', 10, 1],
            ['reclaimed', 50, 2, 'lapsed'],
            ['retry', 51, 2],
          ],
          counters: { failures: 1 },
          state: 'pending',
        }),
      ],
    },
    right: { tasks: [twice] },
  },
])

test('a task that was started over, unblocked, edited and held is fine', () => {
  const life = task('t', {
    history: [
      ['enqueued', 0, 0],
      ['held', 1, 0],
      ['unblocked', 2, 0],
      ['released', 3, 0],
      ['edited', 4, 0],
      ['claimed', 5, 1],
      ['returned', 6, 1],
      ['cancelled', 7, 2],
      ['restarted', 8, 3],
      ['claimed', 9, 4],
      ['failed', 10, 4],
    ],
    state: 'failed',
    counters: { claims: 1, failures: 1, generation: 1 },
  })
  expect(check(history({ tasks: [life] }), { rest: { except: [] } })).toEqual([])
})
