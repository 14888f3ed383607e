/** Commands of operators, as they travel. */
import * as scripts from './lua/scripts.ts'
import { STATE_LETTERS } from './layout.ts'
import { cursorNumbers, fitsFilter, readPage } from './inspector.ts'
import { kindOf, packPayload, packText } from './exchanging.ts'
import type {
  Command,
  CommandAnswer,
  CommandOutcome,
  CommandRequest,
  Payload,
  QueueSettings,
  Retention,
  TaskFilter,
  TaskId,
} from '@millrace/core/store'
import type { Home } from './home.ts'
import type { Packer } from './packer.ts'

const OUTCOMES: Readonly<Record<string, CommandOutcome>> = {
  c: 'changed',
  q: 'requested',
  r: 'refused',
  k: 'key-held',
  u: 'unknown',
}

/** Which of the tasks are meant, if not all. */
interface Meant {
  readonly states: string
  readonly until: number
}

export async function command(home: Home, request: CommandRequest): Promise<CommandAnswer> {
  const { target } = request
  if (!('ids' in target)) return byFilter(home, request, target)
  const letters = await obey(home, request, { ids: target.ids, meant: null })
  const outcomes = Array.from(letters, (letter) => OUTCOMES[letter]!)
  const matched = outcomes.filter((outcome) => outcome !== 'unknown').length
  return { matched, changed: changes(letters), outcomes, cursor: null }
}

/**
 * Goes through the tasks in the order of their arrival. What never changes of a task is tested here, its state
 * where it is changed. The cursor holds where to go on, and the time of the first call.
 */
async function byFilter(
  home: Home,
  request: CommandRequest,
  { filter, cursor }: { readonly filter: TaskFilter; readonly cursor: string | null },
): Promise<CommandAnswer> {
  const [at = 0, since] = cursor === null ? [] : cursorNumbers(cursor, 2)
  const page = await readPage(home, { log: 'A', at, count: request.tasksMax, way: 'up' })
  const until = since ?? page.now
  const unchanging = { ...filter, states: undefined }
  const ids = page.raws.filter((raw) => fitsFilter(raw, unchanging, home.names)).map(({ id }) => id)
  const states = (filter.states ?? Object.keys(STATE_LETTERS)).map((state) => {
    return STATE_LETTERS[state as keyof typeof STATE_LETTERS]
  })
  const meant = { states: states.join(''), until }
  const letters = ids.length === 0 ? '' : await obey(home, request, { ids, meant })
  const matched = Array.from(letters).filter((letter) => letter !== '-' && letter !== 'u').length
  const next = page.next < 0 ? null : `${page.next}:${until}`
  return { matched, changed: changes(letters), outcomes: [], cursor: next }
}

function changes(letters: string): number {
  return Array.from(letters).filter((letter) => letter === 'c' || letter === 'q').length
}

async function obey(
  home: Home,
  { nonce, command: what }: CommandRequest,
  { ids, meant }: { readonly ids: readonly TaskId[]; readonly meant: Meant | null },
): Promise<string> {
  const reply = await home.ask(scripts.command, (packer) => {
    packer.array(6).nonce(nonce)
    packCommand(packer, what)
    packer.array(ids.length)
    for (const id of ids) packer.id(id)
    packText(packer, meant?.states ?? null)
    packer.int(meant?.until ?? 0)
  })
  return String(reply)
}

function packCommand(packer: Packer, what: Command): void {
  switch (what.kind) {
    case 'cancel':
      packer.text('cancel').text(what.reason === null ? '' : `.${what.reason}`)
      return
    case 'retry':
      packer.text('retry')
      packReplacement(packer, what.payload)
      return
    case 'edit':
      packer
        .text('edit')
        .array(3)
        .int(what.level ?? -1)
        .int(what.runAt ?? -1)
      packReplacement(packer, what.payload)
      return
    default:
      packer.text(what.kind).no()
  }
}

function packReplacement(packer: Packer, payload: Payload | null): void {
  if (payload === null) {
    packer.no()
    return
  }
  packer.array(2).int(kindOf(payload))
  packPayload(packer, payload)
}

export async function configureQueue(
  home: Home,
  { queue, paused, by = null, retention }: QueueSettings,
): Promise<void> {
  const { packer, names } = home
  const pack = (): Buffer | undefined => {
    const number = names.queue(queue)
    if (!names.complete) return undefined
    packer.array(5)
    const start = packer.begin(3)
    packer.rawInt(number, 3)
    packer.end(start)
    packText(packer, paused === undefined ? null : String(Number(paused)))
    packText(packer, retention === undefined ? null : boundsOf(retention))
    packer.text(JSON.stringify(retention ?? null))
    packText(packer, by)
    return packer.done()
  }
  await home.again(() => home.call(scripts.configureQueue, pack))
}

/** Retention as scripts read it; '' for none of its own. */
export function boundsOf(retention: Retention | null): string {
  if (retention === null) return ''
  const { succeededMs, cancelledMs, failedMs, count, bytes } = retention
  return [succeededMs, cancelledMs, failedMs, count, bytes].map((bound) => bound ?? '-').join(',')
}
