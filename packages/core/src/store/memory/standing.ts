/** Where one task stands. A look at all that there is, which nobody minds here. */
import { holderOf } from './keys.ts'
import { firstOfSeries } from './series.ts'
import { queueOf, type Pass } from './home.ts'
import type { Before, Standing, StandingRequest } from '../inspection.ts'
import type { Task } from './task.ts'

export function standing(pass: Pass, { id, countMax }: StandingRequest): Standing | null {
  const { home } = pass
  const task = home.tasks.get(id)
  if (task === undefined) return null
  const { unique, queue } = task.spec
  return {
    before: isInLine(pass, task) ? beforeIn(pass, task, countMax) : null,
    first: firstOfSeries(home, task)?.spec.id ?? null,
    keyHolder: unique === null ? null : (holderOf(pass, unique) ?? null),
    gate: task.gate,
    paused: queueOf(home, queue).paused,
  }
}

function isInLine({ now }: Pass, { inLine, runAt }: Task): boolean {
  return inLine !== null && runAt <= now
}

function beforeIn(pass: Pass, task: Task, countMax: number): Before {
  const others = [...pass.home.tasks.values()].filter(
    (other) => other.spec.queue === task.spec.queue && isInLine(pass, other),
  )
  const higher = others.filter(({ level }) => level < task.level).length
  const same = others.filter((other) => other.level === task.level && comesBefore(other, task)).length
  const counted = higher + same < countMax ? 'all' : 'some'
  return {
    higher: Math.min(higher, countMax),
    same: Math.min(same, countMax - Math.min(higher, countMax)),
    counted,
  }
}

function comesBefore(one: Task, other: Task): boolean {
  const [mine, its] = [one.dueBy ?? one.runAt, other.dueBy ?? other.runAt]
  return mine < its || (mine === its && one.seq < other.seq)
}
