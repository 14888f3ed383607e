/** Schedules, as they travel. */
import * as scripts from './lua/scripts.ts'
import { groupAnswer, lookUp, packTask } from './adding.ts'
import { idOf } from './reading.ts'
import type {
  DueSchedules,
  Overlap,
  SchedulePut,
  SchedulePutAnswer,
  ScheduleRecord,
  Tick,
  TickAnswer,
} from '@millrace/core/store'
import type { Home } from './home.ts'
import type { Reply } from './line.ts'

const OVERLAPS: Readonly<Record<Overlap, string>> = { allow: 'a', skip: 's', queue: 'q', replace: 'r' }

function recordOf(reply: Reply): ScheduleRecord {
  const [name, version, plan, paused, next, lastAt, last] = reply as readonly Buffer[]
  return {
    name: String(name),
    version: Number(version),
    plan: String(plan),
    paused: String(paused) === '1',
    nextAt: numberOf(next!),
    lastAt: numberOf(lastAt!),
    lastTask: last!.length === 0 ? null : idOf(last!, 0),
  }
}

function numberOf(text: Buffer): number | null {
  return text.length === 0 ? null : Number(text)
}

function textOf(number: number | null): string {
  return number === null ? '' : String(number)
}

export async function schedule(home: Home, name: string): Promise<ScheduleRecord | null> {
  const reply = await home.ask(scripts.schedule, (packer) => packer.array(1).text(name))
  return reply === 0 ? null : recordOf(reply)
}

export async function schedules(
  home: Home,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<readonly ScheduleRecord[]> {
  const reply = await home.ask(scripts.schedules, (packer) =>
    packer
      .array(2)
      .text(after ?? '')
      .int(limit),
  )
  return (reply as readonly Reply[]).map(recordOf)
}

export async function dueSchedules(home: Home, { max }: { readonly max: number }): Promise<DueSchedules> {
  const reply = await home.ask(scripts.dueSchedules, (packer) => packer.array(1).int(max))
  const [now, rows, next] = reply as readonly [number, readonly Reply[], Buffer]
  const nextAt = numberOf(next)
  return { now, due: rows.map(recordOf), nextInMs: nextAt === null ? null : Math.max(nextAt - now, 0) }
}

export async function putSchedule(home: Home, request: SchedulePut): Promise<SchedulePutAnswer> {
  const { name, ifVersion, plan, paused, nextAt } = request
  const reply = await home.ask(scripts.putSchedule, (packer) => {
    packer.array(5).text(name).text(textOf(ifVersion)).text(plan)
    packer.text(paused ? '1' : '0').text(nextAt === 'keep' ? 'k' : textOf(nextAt))
  })
  const [what, version] = reply as readonly [Buffer, Buffer]
  return String(what) === 'p'
    ? { outcome: 'put', version: Number(version) }
    : { outcome: 'conflict', version: numberOf(version) }
}

export async function removeSchedule(home: Home, name: string): Promise<'removed' | 'unknown'> {
  const reply = await home.ask(scripts.removeSchedule, (packer) => packer.array(1).text(name))
  return reply === 1 ? 'removed' : 'unknown'
}

export async function tick(home: Home, request: Tick): Promise<TickAnswer> {
  const { tasks } = request
  const { names } = home
  const pack = (): Buffer | undefined => {
    lookUp({ groups: [{ tasks, under: null, gate: null }], again: true }, names)
    return names.complete ? packTick(home, request) : undefined
  }
  const reply = (await home.again(() => home.call(scripts.tick, pack))) as readonly Reply[]
  if (String(reply[0]) === 'k') return { outcome: 'skipped' }
  const answer = groupAnswer(reply)
  if (answer.outcome === 'added') return { outcome: 'ticked', tasks: answer.tasks }
  // nothing is ever locked here
  if (answer.outcome === 'busy') throw new Error('the runs of a schedule were busy')
  return answer
}

function packTick({ packer, names }: Home, request: Tick): Buffer {
  const { name, version, fireAt, nextAt, lastAt, overlap, tasks } = request
  packer.array(7).text(name).text(String(version)).text(String(fireAt)).text(textOf(nextAt))
  packer.text(textOf(lastAt)).text(OVERLAPS[overlap]).array(tasks.length)
  for (const task of tasks) packTask(packer, task, names)
  return packer.done()
}
