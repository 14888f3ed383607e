// What a schedule may say.
import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import { defineSchedule } from '../../src/task/schedule-options.ts'
import { defineTask } from '../../src/task/definition.ts'
import type { ScheduleControl } from '../../src/client/schedule-control.ts'
import type { Schedule } from '../../src/client/schedule-status.ts'
import type { Context } from '../../src/task/handler.ts'

declare const schedules: ScheduleControl
declare const ctx: Context

const report = defineTask('report', { input: z.object({ of: z.string() }) })
const beat = defineTask('beat', { input: z.void() })

expectTypeOf(
  schedules.put('x', { task: report, input: { of: 'x' }, cron: '0 3 * * *', zone: 'UTC' }),
).resolves.toEqualTypeOf<Schedule>()
void schedules.put('x', {
  task: beat,
  every: '5m',
  overlap: 'skip',
  missed: { all: 3 },
  jitter: '1s',
  priority: 'low',
  tags: ['a'],
})
void schedules.put('x', { task: beat, cron: '@daily', dst: { gap: 'skip' }, from: new Date(), until: 5 })

// @ts-expect-error an input is needed
void schedules.put('x', { task: report, cron: '0 3 * * *' })
// @ts-expect-error the input is not that of the task
void schedules.put('x', { task: report, input: { of: 1 }, cron: '0 3 * * *' })
// @ts-expect-error neither cron nor every
void schedules.put('x', { task: beat })
// @ts-expect-error cron beside every
void schedules.put('x', { task: beat, cron: '0 3 * * *', every: '5m' })
// @ts-expect-error a zone beside every
void schedules.put('x', { task: beat, every: '5m', zone: 'UTC' })
// @ts-expect-error no overlap of that name
void schedules.put('x', { task: beat, every: '5m', overlap: 'kill' })
// @ts-expect-error when a run is due is the schedule's to say
void schedules.put('x', { task: beat, every: '5m', delay: '1s' })
// @ts-expect-error its runs have ids of their own
void schedules.put('x', { task: beat, every: '5m', id: 'x' })
// @ts-expect-error a declaration is checked the same way
defineSchedule('x', { task: report, input: { of: 1 }, every: '5m' })

void schedules.sync([
  defineSchedule('a', { task: beat, every: '5m' }),
  defineSchedule('b', { task: report, input: { of: 'x' }, every: '5m' }),
])
void schedules.preview('x', 3, { from: new Date() })
void schedules.preview({ cron: '0 3 * * *', zone: 'UTC' })
// @ts-expect-error both ends are needed
void schedules.backfill('x', { from: 1 })

expectTypeOf(ctx.task.schedule).toEqualTypeOf<{ readonly name: string; readonly at: Date } | undefined>()
