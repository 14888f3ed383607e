/** Who ran what, and when. */
import {
  AGAIN,
  FENCE,
  GRANTS,
  RAN,
  call,
  crashedOnce,
  done,
  effect,
  held,
  judge,
  lease,
  ran,
  renewal,
  settled,
  storeTime,
  stray,
  task,
  twice,
} from './stories.ts'

judge([
  {
    name: 'a fence that the store never gave was accepted',
    code: 'stale-accepted',
    wrong: { tasks: [done], grants: GRANTS, settlements: [settled({ fence: { ...FENCE, nonce: 'n2' } })] },
    right: {
      tasks: [done],
      grants: GRANTS,
      settlements: [settled({ fence: { ...FENCE, nonce: 'n2' }, verdict: 'stale' })],
    },
  },
  {
    name: 'the first run was accepted while the second one owned the task',
    code: 'stale-accepted',
    wrong: { tasks: [twice], grants: GRANTS, settlements: [settled({ atMs: 70 })] },
    right: { tasks: [twice], grants: GRANTS, settlements: [settled({ fence: GRANTS[1]!.fence, atMs: 70 })] },
  },
  {
    name: 'a handler was started twice under one fence',
    code: 'fence-twice',
    wrong: { effects: [effect('start', 1), effect('start', 2)] },
    right: { effects: [effect('start', 1), effect('start', 2, { nonce: 'n2' })] },
  },
  {
    name: 'a crash was counted without a lease that lapsed',
    code: 'crash-on-live-lease',
    wrong: {
      tasks: [
        task('t', {
          history: [
            ['enqueued', 0, 0],
            ['claimed', 1, 1],
            ['crashed', 2, 1],
          ],
          counters: { crashes: 1 },
          state: 'pending',
        }),
      ],
    },
    right: { tasks: [twice] },
  },
  {
    name: 'an effect behind the end of its lease',
    code: 'effect-after-lapse',
    bounds: { selfFenced: true, storeTime },
    wrong: { tasks: [twice], effects: [effect('effect', 51)] },
    right: { tasks: [twice], effects: [effect('effect', 50), effect('effect', 65, { epoch: 3 })] },
  },
  {
    name: 'it did not come to rest',
    code: 'not-drained',
    bounds: { rest: { except: ['held'] } },
    wrong: { tasks: [task('t', { history: [['enqueued', 0, 0]], state: 'pending' })] },
    right: { tasks: [task('held', { history: [['enqueued', 0, 0]], state: 'pending' }), done] },
  },
  {
    name: 'what a killed process ran was taken up too late',
    code: 'recovery-late',
    bounds: { recoveryMs: 40 },
    wrong: {
      effects: [effect('start', 10), effect('start', 61, { epoch: 3, nonce: 'n3', pid: 2 })],
      processes: [{ pid: 1, event: 'killed', atMs: 20 }],
    },
    right: {
      effects: [effect('start', 10), effect('start', 60, { epoch: 3, nonce: 'n3', pid: 2 })],
      processes: [{ pid: 1, event: 'killed', atMs: 20 }],
    },
  },
  {
    name: 'it was claimed before it was due',
    code: 'started-early',
    wrong: { tasks: [done], calls: [call('enqueue', 't', { asked: [{ id: 't', due: { inMs: 11 } }] })] },
    right: { tasks: [done], calls: [call('enqueue', 't', { asked: [{ id: 't', due: { at: 10 } }] })] },
  },
  {
    name: 'it was claimed before its snooze was over',
    code: 'started-early',
    wrong: {
      tasks: [
        task('t', {
          history: [
            ['enqueued', 0, 0],
            ['claimed', 1, 1],
            ['snoozed', 2, 1, '6'],
            ['claimed', 7, 2],
            ['succeeded', 8, 2],
          ],
          counters: { snoozes: 1 },
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
    name: 'its handler started before it was due',
    code: 'started-early',
    bounds: { storeTime: { aheadMs: 100, toleranceMs: 5 } },
    wrong: {
      tasks: [ran('t', 200, 210)],
      calls: [call('enqueue', 't', { asked: [{ id: 't', due: { at: 200 } }] })],
      effects: [effect('start', 94)],
    },
    right: {
      tasks: [ran('t', 200, 210)],
      calls: [call('enqueue', 't', { asked: [{ id: 't', due: { at: 200 } }] })],
      effects: [effect('start', 95)],
    },
  },
  {
    name: 'it was claimed although its startBy had passed',
    code: 'started-too-late',
    wrong: { tasks: [task('t', { history: RAN, rest: { startBy: 10 } })] },
    right: { tasks: [task('t', { history: AGAIN, counters: crashedOnce, rest: { startBy: 11 } })] },
  },
  {
    name: 'it was claimed although its deadline had passed',
    code: 'started-too-late',
    wrong: { tasks: [task('t', { history: AGAIN, counters: crashedOnce, rest: { deadlineAt: 60 } })] },
    right: { tasks: [task('t', { history: AGAIN, counters: crashedOnce, rest: { deadlineAt: 61 } })] },
  },
  {
    name: 'an attempt began too often',
    code: 'duplicate-starts',
    bounds: { duplicateStartsMax: 1 },
    wrong: { effects: [1, 2, 3].map((epoch) => effect('start', epoch, { epoch })) },
    right: {
      effects: [1, 2, 3].map((epoch) => effect('start', epoch, { epoch, attempt: Math.min(epoch, 2) })),
    },
  },
  {
    name: 'a session that is dead was given a task',
    code: 'dead-session',
    wrong: { tasks: [done], leases: [lease(0, 10)] },
    right: { tasks: [done], leases: [lease(0, 11)] },
  },
  {
    name: 'a lease that had lapsed was extended',
    code: 'dead-session',
    wrong: { leases: [lease(0, 10), lease(10, 20, { by: 'renew', seq: 1 })] },
    right: { leases: [lease(0, 10), lease(9, 20, { by: 'renew', seq: 1 })] },
  },
  {
    name: 'a task was taken from a lease that held',
    code: 'crash-on-live-lease',
    wrong: { tasks: [twice], leases: [lease(0, 60), lease(50, 80)] },
    right: { tasks: [twice], leases: [lease(0, 50), lease(50, 80, { by: 'closeSession' }), lease(50, 80)] },
  },
  {
    name: 'what was listed was taken for a stray',
    code: 'false-stray',
    wrong: { ...stray, leases: [lease(0, 99), renewal(20, 1, [held]), renewal(30, 2, [])] },
    right: { ...stray, leases: [lease(0, 99), renewal(20, 1, []), renewal(30, 2, [])] },
  },
  {
    name: 'what its worker had was taken for a stray',
    code: 'false-stray',
    wrong: {
      ...stray,
      leases: [lease(0, 99), renewal(20, 1, []), renewal(30, 2, []), renewal(40, 3, [])],
      settlements: [settled({ verdict: 'stale', atMs: 45 })],
    },
    right: {
      ...stray,
      leases: [lease(0, 99), renewal(20, 1, []), renewal(30, 2, [])],
      settlements: [settled({ verdict: 'stale', atMs: 45 })],
    },
  },
])
