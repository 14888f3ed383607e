/** Where one task stands: who comes before it, and what else only its store can tell. */
import { readKeyTerms } from '@millrace/core/store'
import { texts } from './arrays.ts'
import { KEY_HOLDERS, OPEN_WINDOWS } from './statements/keys.ts'
import { COUNT_BEFORE, FIND_STANDING } from './statements/standing.ts'
import { inPass, type Home, type Pass } from './pass.ts'
import type { Before, Standing, StandingRequest, TaskId } from '@millrace/core/store'

/** So many tasks of lanes are looked at for one route: some ten milliseconds. */
const LOOKED_MAX = 100_000

type Row = readonly [
  isLive: boolean,
  queue: number,
  level: number,
  ord: number,
  seq: number,
  inLine: boolean,
  uniqueKey: string | null,
  keyTerms: string | null,
  gate: string | null,
  pausedAt: number | null,
  pausedBy: string | null,
  first: string | null,
]

export function standing(home: Home, { id, countMax }: StandingRequest): Promise<Standing | null> {
  return inPass(home, async (pass) => {
    const rows = await pass.connection.rows<Row>(FIND_STANDING, [id, pass.now])
    // it may end between the look at what is live and the one at what has ended: then both have it
    const row = rows.find(([isLive]) => isLive) ?? rows[0]
    if (row === undefined) return null
    const [, , , , , inLine, , , gate, pausedAt, by, first] = row
    return {
      before: inLine ? await beforeIn(pass, row, countMax) : null,
      first,
      keyHolder: await keyHolder(pass, row),
      gate,
      paused: pausedAt === null ? null : { at: pausedAt, by },
    }
  })
}

async function keyHolder({ connection, now }: Pass, row: Row): Promise<TaskId | null> {
  const [uniqueKey, keyTerms] = row.slice(6) as unknown as readonly [string | null, string | null]
  const terms = keyTerms === null ? undefined : readKeyTerms(keyTerms)
  const key = terms?.key ?? uniqueKey
  if (key === null) return null
  type Holder = [key: string, task: string]
  const [holder] =
    terms?.mode === 'time'
      ? await connection.rows<Holder>(OPEN_WINDOWS, [texts([key]), now])
      : await connection.rows<Holder>(KEY_HOLDERS, [texts([key])])
  return holder?.[1] ?? null
}

async function beforeIn(
  { connection, now }: Pass,
  [, queue, level, ord, seq]: Row,
  countMax: number,
): Promise<Before> {
  type Counted = [higher: number, same: number, looked: number, lateLooked: number]
  const values = [queue, level, ord, seq, countMax, LOOKED_MAX, now]
  const [row] = await connection.rows<Counted>(COUNT_BEFORE, values)
  const [all, same, looked, lateLooked] = row!
  const isSure = looked < LOOKED_MAX && lateLooked < countMax
  const higher = Math.min(all, countMax)
  return {
    higher,
    same: Math.min(same, countMax - higher),
    counted: isSure && all + same < countMax ? 'all' : 'some',
  }
}
