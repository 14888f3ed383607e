/** Where one task stands: who comes before it, and what else only its store can tell. */
import { FINAL_FROM, readKeyTerms } from '@millrace/core/store'
import { idBytes, idFromHex } from './codes.ts'
import { KEY_HOLDER, OPEN_WINDOW } from './statements/keys.ts'
import { COUNT_BEFORE, FIND_STANDING, FIRST_OF_SERIES, NEXT_ROUTE } from './statements/standing.ts'
import type { Before, Standing, StandingRequest, TaskId } from '@millrace/core/store'
import type { Pass } from './home.ts'

/** So many tasks of lanes are looked at for one route: some ten milliseconds. */
const LOOKED_MAX = 100_000

interface Row {
  readonly seq: number
  readonly queue: number
  readonly level: number
  readonly ord: number
  readonly state: number
  readonly keyTerms: string | null
  readonly uniqueKey: string | null
  readonly gate: string | null
  readonly pausedAt: number | null
  readonly pausedBy: string | null
  readonly inLine: number
}

export function standing(pass: Pass, { id, countMax }: StandingRequest): Standing | null {
  const { database, now } = pass
  const row = database.object<Row>(FIND_STANDING, idBytes(id), now)
  if (row === undefined) return null
  const { seq, gate, pausedAt, pausedBy, state } = row
  const first = state < FINAL_FROM ? database.get<[string]>(FIRST_OF_SERIES, seq)?.[0] : undefined
  return {
    before: row.inLine === 1 ? beforeIn(pass, row, countMax) : null,
    first: first === undefined ? null : idFromHex(first),
    keyHolder: keyHolder(pass, row),
    gate,
    paused: pausedAt === null ? null : { at: pausedAt, by: pausedBy },
  }
}

function keyHolder({ database, now }: Pass, { uniqueKey, keyTerms }: Row): TaskId | null {
  const terms = keyTerms === null ? undefined : readKeyTerms(keyTerms)
  const key = terms?.key ?? uniqueKey
  if (key === null) return null
  const found =
    terms?.mode === 'time'
      ? database.get<[string]>(OPEN_WINDOW, key, now)
      : database.get<[string]>(KEY_HOLDER, key)
  return found === undefined ? null : idFromHex(found[0])
}

interface Counted {
  readonly higher: number
  readonly same: number
  readonly inLanes: number
  readonly lanesLooked: number
  readonly dueHigher: number
  readonly dueSame: number
  readonly dueLooked: number
}

function beforeIn({ database, now }: Pass, { queue, level, ord, seq }: Row, countMax: number): Before {
  let [higher, same, isSure] = [0, 0, true]
  let route = 0
  while (higher + same < countMax) {
    const next = database.get<[number | null]>(NEXT_ROUTE, queue, route)![0]
    if (next === null) break
    route = next
    const values = [queue, route, level, ord, seq, countMax, LOOKED_MAX, now]
    const of = database.object<Counted>(COUNT_BEFORE, ...values)!
    higher += of.higher + of.dueHigher
    same += of.same + of.inLanes + of.dueSame
    isSure &&= of.lanesLooked < LOOKED_MAX && of.dueLooked < countMax
  }
  const counted = isSure && higher + same < countMax ? 'all' : 'some'
  higher = Math.min(higher, countMax)
  return { higher, same: Math.min(same, countMax - higher), counted }
}
