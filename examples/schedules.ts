/** Schedules, as docs/schedules.md tells of them. */
import { connect, defineSchedule, defineTask, unchecked } from 'millrace'

const report = defineTask('report', { input: unchecked<{ of: string }>() })
const tidy = defineTask('tidy', { input: unchecked<undefined>() })

const reporting = report.handler(({ of }, ctx) => {
  console.log(`the report of ${of} for ${ctx.task.schedule?.at.toISOString()}`)
})

await using mill = await connect()

await mill.schedules.put('nightly', {
  task: report,
  input: { of: 'sales' },
  cron: '30 2 * * *',
  zone: 'Europe/Berlin',
  overlap: 'skip',
})

// what is odd about the end of March, and of October
for (const from of ['2026-03-27', '2026-10-24']) {
  for (const { at, note } of await mill.schedules.preview('nightly', 3, { from: new Date(from) })) {
    console.log(at.toISOString(), note ?? '')
  }
}

// at each start of a service: what it declares is there, and what it does not declare any more is not
await mill.schedules.sync(
  [
    defineSchedule('tidy', { task: tidy, every: '1h', jitter: '5m' }),
    defineSchedule('weekly', { task: report, input: { of: 'costs' }, cron: '0 6 * * MON' }),
  ],
  { by: 'reports-service' },
)
console.log((await mill.schedules.list()).map(({ name }) => name).join(', '))

// a report that was never made: those of three days, each once
const days = { from: new Date('2026-01-01T00:00:00Z'), to: new Date('2026-01-04T00:00:00Z') }
console.log(await mill.schedules.backfill('nightly', days))
console.log(await mill.schedules.backfill('nightly', days))

const worker = mill.worker({ handlers: [reporting] })
await worker.run({ until: 'idle' })
