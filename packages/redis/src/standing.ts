/** Where one task stands, as the script tells. */
import * as scripts from './lua/scripts.ts'
import { idOf } from './reading.ts'
import type { Standing, StandingRequest } from '@millrace/core/store'
import type { Home } from './home.ts'

/** So many tasks are looked at: some ten milliseconds, in which Redis does nothing else. */
const LOOKED_MAX = 20_000

type Told = readonly [
  inLine: number,
  higher: number,
  same: number,
  all: number,
  first: Buffer,
  holder: Buffer,
  gate: Buffer,
  pausedAt: number,
  pausedBy: Buffer,
]

export async function standing(home: Home, { id, countMax }: StandingRequest): Promise<Standing | null> {
  const reply = await home.ask(scripts.standing, (packer) =>
    packer.array(3).id(id).int(countMax).int(LOOKED_MAX),
  )
  if (reply === 0) return null
  const [inLine, higher, same, all, first, holder, gate, pausedAt, pausedBy] = reply as unknown as Told
  const by = pausedBy.length === 0 ? null : pausedBy.toString('utf8', 1)
  return {
    before: inLine === 1 ? { higher, same, counted: all === 1 ? 'all' : 'some' } : null,
    first: first.length === 0 ? null : idOf(first, 0),
    keyHolder: holder.length === 0 ? null : idOf(holder, 0),
    gate: gate.length === 0 ? null : gate.toString(),
    paused: pausedAt < 0 ? null : { at: pausedAt, by },
  }
}
