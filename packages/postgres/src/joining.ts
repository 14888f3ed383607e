/** Enqueues a group in a transaction of the user's, without a lock that a stranger could wait for. */
import { checkGuestReplacements, ifFailedCode, isWindow, nonceValue } from '@millrace/core/store'
import { FLAG } from './codes.ts'
import { ADD_WITHIN, LOOK_WITHIN } from './statements/guests.ts'
import { addGroup } from './groups.ts'
import { nameAll } from './adding.ts'
import { newPass, type Home } from './pass.ts'
import { noTransaction, overtaken, type Guest } from './guests.ts'
import type { Birth, BirthEdge, Holder, Known, Prospect } from './foresight.ts'
import type { Connection } from './database.ts'
import type { Fence, GroupAnswer, TaskGroup, TaskId, TaskSpec, UniqueSpec } from '@millrace/core/store'

/** How often an id or a key may be taken between a look and the write before the group is given up. */
const TRIES_MAX = 3

const BUSY: GroupAnswer = { outcome: 'busy' }

/** What was added, and where. */
export interface Joined {
  readonly answer: GroupAnswer
  readonly transaction: string
  /** Whether anything was written that others will want to hear of. */
  readonly news: 'ready' | 'more' | 'none'
}

export async function join(home: Home, guest: Guest, group: TaskGroup): Promise<Joined> {
  checkGuestReplacements(group)
  await nameAll(home, [group])
  for (let tries = 1; ; tries++) {
    const look = await lookAround(home, guest, group)
    const joined = await joinOnce(home, guest, { group, look })
    if (joined !== 'taken') return { ...joined, transaction: look.transaction }
    if (tries === TRIES_MAX) throw overtaken()
  }
}

interface Look {
  readonly now: number
  readonly transaction: string
  readonly known:
    | readonly (readonly [id: string, digest: string, state: number, gate: number | null, rank: number])[]
    | null
  readonly holders: readonly (readonly [key: string, id: string, state: number, gate: number | null])[] | null
  readonly windows: readonly (readonly [key: string, id: string])[] | null
  readonly runs: boolean
}

async function lookAround({ database }: Home, guest: Guest, { tasks, under }: TaskGroup): Promise<Look> {
  const parents = tasks.flatMap(({ after }) => after.map(({ parent }) => parent))
  const unique = tasks.flatMap((task) => task.unique ?? [])
  return guest.reads<Look>(LOOK_WITHIN, {
    seen: database.seen,
    ids: [...new Set([...tasks.map(({ id }) => id), ...parents])],
    keys: keysOf(unique.filter((spec) => !isWindow(spec))),
    windows: keysOf(unique.filter(isWindow)),
    under: under === null ? null : { ...under, nonce: nonceValue(under.nonce).toString() },
  })
}

function keysOf(unique: readonly UniqueSpec[]): readonly string[] {
  return [...new Set(unique.map(({ key }) => key))]
}

async function joinOnce(
  home: Home,
  guest: Guest,
  { group, look }: { readonly group: TaskGroup; readonly look: Look },
): Promise<Pick<Joined, 'answer' | 'news'> | 'taken'> {
  const prospect = new GuestProspect(look)
  const answer = await addGroup(newPass(home, NO_CONNECTION, look.now), prospect, group)
  if (answer.outcome !== 'added') return { answer, news: 'none' }
  // to take it out of its gate would be to lock it
  if (prospect.isGated(group, answer)) return { answer: BUSY, news: 'none' }
  const { rows, edges, windows } = prospect
  if (rows.length === 0) return { answer, news: 'none' }
  const { transaction, now } = look
  switch (await guest.asks(ADD_WITHIN, { transaction, now, rows, edges, windows })) {
    case 'added':
      return { answer, news: edges.some(({ late }) => late) || rows.some(isLate) ? 'more' : 'ready' }
    case 'taken':
      return 'taken'
    case 'busy':
      return { answer: BUSY, news: 'none' }
    default:
      throw noTransaction()
  }
}

/** Nothing is asked beside what was looked at. */
const NO_CONNECTION: Connection = {
  rows: () => Promise.reject(new Error('a guest asks nothing by itself')),
  run: () => Promise.reject(new Error('a guest asks nothing by itself')),
}

/** What one look has shown. Nothing of it is locked: what lives may have ended when the transaction commits. */
class GuestProspect implements Prospect {
  readonly #known = new Map<TaskId, Known>()
  readonly #holders = new Map<string, Holder>()
  readonly #windows = new Map<string, TaskId>()
  readonly #runs: boolean
  readonly #births: Birth[] = []
  readonly #now: number

  constructor({ now, known, holders, windows, runs }: Look) {
    this.#now = now
    for (const [id, digest, state, gate, rank] of known ?? [])
      if (!this.#known.has(id))
        this.#known.set(id, { digest, state, gate, buried: rank === 1, keyTerms: null })
    for (const [key, id] of windows ?? []) this.#windows.set(key, id)
    for (const [key, id, state, gate] of holders ?? []) {
      this.#holders.set(key, { id, state })
      if (!this.#known.has(id))
        this.#known.set(id, { digest: '', state, gate, buried: false, keyTerms: null })
    }
    this.#runs = runs
  }

  find(id: TaskId): Known | undefined {
    return this.#known.get(id)
  }

  holderOf(unique: UniqueSpec): Holder | undefined {
    if (!isWindow(unique)) return this.#holders.get(unique.key)
    const id = this.#windows.get(unique.key)
    return id === undefined ? undefined : { id, state: this.find(id)?.state ?? null }
  }

  /** What would replace was refused before anybody was asked. */
  replace(_: TaskSpec): Promise<null> {
    return Promise.resolve(null)
  }

  runsUnder(_: Fence): Promise<boolean> {
    return Promise.resolve(this.#runs)
  }

  /** One whose parent has ended without success stays blocked: `deliver` ends it, as if that came after the commit. */
  bear(birth: Birth): void {
    const { unique, ending } = birth
    const parents = birth.parents.map((edge) => ({ ...edge, open: edge.open || decides(edge, ending) }))
    const open = parents.filter((edge) => edge.open)
    const triggers = open.filter(({ ifFailed }) => ifFailed === 'trigger').length
    const row = { ...birth.row, blockers: open.length, triggers }
    this.#births.push({ ...birth, row, parents })
    const { id, digest, state } = row
    this.#known.set(id, { digest, state, gate: null, buried: false, keyTerms: null })
    if (unique === null) return
    if (isWindow(unique)) this.#windows.set(unique.key, id)
    else this.#holders.set(unique.key, { id, state })
  }

  isGated({ tasks }: TaskGroup, answer: Extract<GroupAnswer, { outcome: 'added' }>): boolean {
    return answer.tasks.some((verdict, index) => {
      const id = verdict.outcome === 'duplicate' ? verdict.by.id : tasks[index]!.id
      return (this.#known.get(id)?.gate ?? null) !== null
    })
  }

  get rows(): readonly Birth['row'][] {
    const parents = new Set(this.#births.flatMap((birth) => birth.parents.map(({ id }) => id)))
    return this.#births.map(({ row }) => {
      const parent = parents.has(row.id) ? FLAG.parent : 0
      // to stand in a series it would have to lock it
      const late = (row.flags & FLAG.inOrder) === 0 ? 0 : FLAG.late
      return { ...row, flags: row.flags | parent | late }
    })
  }

  get windows(): readonly { readonly key: string; readonly task: TaskId; readonly until: number }[] {
    return this.#births.flatMap(({ row, unique }) => {
      if (unique === null || !isWindow(unique)) return []
      return [{ key: unique.key, task: row.id, until: this.#now + unique.while.withinMs }]
    })
  }

  /** Late are those to a parent that others can see: whoever ends it may not see the edge. */
  get edges(): readonly { readonly late: boolean }[] {
    const newcomers = new Set(this.#births.map(({ row }) => row.id))
    return this.#births.flatMap(({ row, parents }) => {
      // one that was removed cannot be kept, only looked for
      const kept = parents.filter(({ buried, open }) => !buried || open)
      return kept.map((parent) => {
        const { open } = parent
        const edge = { parent: parent.id, child: row.id, if_failed: ifFailedCode(parent.ifFailed) }
        return { ...edge, open, late: open && !newcomers.has(parent.id) }
      })
    })
  }
}

function isLate({ flags }: Birth['row']): boolean {
  return (flags & FLAG.late) !== 0
}

/** Whether telling of that end, later, ends a newcomer that nothing can end now. */
function decides({ parent, ifFailed }: BirthEdge, ending: Birth['ending']): boolean {
  if (ending === null || parent === 'open') return false
  if (ifFailed === 'trigger') return parent === 'succeeded'
  return parent === 'unsuccessful' && ifFailed !== 'run'
}
