/** The one schedule of a life. It is always due, so that each tick is one of its turns. */
import { specOf, type Placed } from './requests.ts'
import type { Side } from './side.ts'
import type { Overlap, ScheduleRecord } from '../store/schedules.ts'

const NAME = 'plan'

export async function tick(side: Side, placed: Placed, overlap: Overlap): Promise<unknown> {
  const { name, version, nextAt } = await scheduleOf(side)
  const answer = await side.store.tick({
    name,
    version,
    fireAt: nextAt!,
    nextAt: nextAt! + 1,
    tasks: [specOf(placed, side.base)],
    lastAt: nextAt,
    overlap,
  })
  const { lastTask } = await scheduleOf(side)
  return { answer, lastTask }
}

async function scheduleOf({ store }: Side): Promise<ScheduleRecord> {
  const there = await store.schedule(NAME)
  if (there !== null) return there
  await store.putSchedule({ name: NAME, ifVersion: null, plan: '{}', paused: false, nextAt: 1 })
  return (await store.schedule(NAME))!
}
