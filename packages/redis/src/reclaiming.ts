/** Take-overs, as they travel. */
import * as scripts from './lua/scripts.ts'
import { AT } from './layout.ts'
import { countersOf, termsIn } from './records.ts'
import { extrasOf, idOf } from './reading.ts'
import { knowAll } from './inspector.ts'
import type { Nonce, Reclaimed, ReclaimAnswer, ReclaimRequest } from '@millrace/core/store'
import type { Home } from './home.ts'
import type { Names } from './names.ts'
import type { Reply } from './line.ts'

const CAUSES = ['deadline', 'cancel', 'lapsed', 'timeout'] as const

export async function reclaim(home: Home, request: ReclaimRequest): Promise<ReclaimAnswer> {
  const { session, nonce, again, tasksMax, graceMs } = request
  const reply = await home.ask(scripts.reclaim, (packer) => {
    packer.array(5).id(session).nonce(nonce)
    packer
      .int(again ? 1 : 0)
      .int(tasksMax)
      .int(graceMs)
  })
  const [, flat] = reply as readonly [Buffer, (readonly Reply[])?]
  if (flat === undefined) return { session: 'dead', tasks: [] }
  const rows: (readonly Reply[])[] = []
  for (let i = 0; i < flat.length; i += 7) rows.push(flat.slice(i, i + 7))
  await knowAll(
    home,
    rows.map((row) => ({ record: row[1] as Buffer })),
  )
  return { session: 'alive', tasks: rows.map((row) => reclaimed(row, nonce, home.names)) }
}

function reclaimed(row: readonly Reply[], nonce: Nonce, names: Names): Reclaimed {
  const [id, record, counters, terms, epoch, cause, from] = row as readonly [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    number,
    number,
    Buffer,
  ]
  const extras = terms.length === 0 ? extrasOf([]) : new Map([['t', terms]])
  return {
    fence: { task: idOf(id, 0), epoch, nonce },
    type: names.routeOf.get(record.readUIntBE(AT.route, 3))!.type,
    policy: termsIn(record, extras, names).policy,
    counters: countersOf(counters.length === 0 ? undefined : counters, 1),
    cause: CAUSES[cause - 1]!,
    from: idOf(from, 0),
  }
}
