/** What is due and stands in line, by queue and route: found by hopping from one to the next, without going through what stands there. */
import { NEXT_LATER_ROUTE, NEXT_READY_LEVEL } from './statements/inspection.ts'
import type { WaitingRoute } from '@millrace/core/store'
import type { Pass } from './home.ts'

export function waitingRoutes({ database, names, now }: Pass): readonly WaitingRoute[] {
  const routes = new Map<string, WaitingRoute>()
  const tell = (queue: number, route: number, dueSince: number): void => {
    const name = `${queue} ${route}`
    const known = routes.get(name)?.dueSince ?? Infinity
    const { type, needs } = names.routeOf(route)
    const since = Math.min(known, dueSince)
    routes.set(name, { queue: names.queueName(queue), type, needs, dueSince: since })
  }
  let at = [0, 0, -1]
  for (;;) {
    const row = database.get<[number, number, number, number]>(NEXT_READY_LEVEL, ...at)
    if (row === undefined) break
    const [queue, route, level, dueSince] = row
    tell(queue, route, dueSince)
    at = [queue, route, level]
  }
  at = [0, 0]
  for (;;) {
    const row = database.get<[number, number, number]>(NEXT_LATER_ROUTE, ...at)
    if (row === undefined) break
    const [queue, route, dueAt] = row
    if (dueAt <= now) tell(queue, route, dueAt)
    at = [queue, route]
  }
  return [...routes.values()]
}
