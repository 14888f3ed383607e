/** What `millrace top` shows: a pure function of what is known and how large the screen is. */
import type { TaskListItem } from '@millrace/core'
import { errorText } from '../error-text.ts'
import { grouped, printable, short, type Style } from '../output.ts'
import { relative, span } from '../time.ts'
import { fitted, type Column } from './columns.ts'
import type { Rate, Rates, Reading } from './reading.ts'

export interface TopState {
  /** The store, as it may be shown. */
  readonly place: string
  readonly reading: Reading
  /** By queue; those that are not known yet are left out. */
  readonly rates: Rates
  /** What is said in the corner: how often it is renewed, and how to quit. */
  readonly corner: string
  /** Why the store could not be read the last time. */
  readonly trouble: string | null
}

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface ShownLine {
  readonly text: string
  readonly style: Style | null
}

type Queue = Reading['queues'][number]
type Worker = Reading['workers'][number]

/** Lines that fit the screen: none is longer than it is wide, and not more than it is high. */
export function topLines(state: TopState, { columns, rows }: Size): readonly ShownLine[] {
  const { reading, rates } = state
  const sections: readonly Section[] = [
    section(queueColumns(reading.at, rates), busiestFirst(reading.queues), {
      columns,
      none: 'No queues: nothing was ever enqueued.',
      styleOf: ({ paused }) => (paused ? 'yellow' : null),
    }),
    section(workerColumns(reading.at), reading.workers, {
      columns,
      none: 'No worker serves this store. To start one: millrace worker FILE',
      styleOf: ({ state: now }) => (now === 'draining' ? 'yellow' : null),
    }),
    section(failureColumns(reading.at), reading.failures, {
      columns,
      none: 'Nothing has failed.',
      styleOf: () => 'red',
    }),
  ]
  const head = headOf(state, columns)
  // a head and a line of a section, and an empty line before it
  const room = rows - head.length - 2 * sections.length
  const lengths = shares(
    sections.map(({ lines }) => lines.length),
    Math.max(0, room),
  )
  const lines = sections.flatMap((one, index) => [plain(''), ...shownSection(one, lengths[index]!, columns)])
  return [...head, ...lines].slice(0, Math.max(0, rows))
}

function headOf({ place, reading, rates, corner, trouble }: TopState, columns: number): readonly ShownLine[] {
  const left = `Millrace  ${printable(place)}`
  const room = columns - corner.length - 2
  const title =
    corner === '' || room < 20 ? short(left, columns) : `${short(left, room).padEnd(room)}  ${corner}`
  const sum = (countOf: (queue: Queue) => number): string =>
    grouped(reading.queues.reduce((total, queue) => total + countOf(queue), 0))
  const slots = reading.workers.reduce((total, { concurrency }) => total + concurrency, 0)
  const busy = reading.workers.reduce((total, { running }) => total + running, 0)
  const totals = [
    `${sum(({ counts }) => counts.ready)} ready`,
    `${sum(({ counts }) => counts.running)} running`,
    `${sum(({ counts }) => counts.failed)} failed`,
    ...(rates.size === 0 ? [] : [`in ${perSecond(rates, 'in')}/s`, `out ${perSecond(rates, 'out')}/s`]),
    slots === 0 ? 'no slots' : `slots ${bar(busy / slots)} ${grouped(busy)} of ${grouped(slots)}`,
  ].join('   ')
  const lines = [bold(title), plain(short(totals, columns))]
  if (trouble !== null) lines.push({ text: short(printable(trouble), columns), style: 'red' })
  return lines
}

function perSecond(rates: Rates, way: keyof Rate): string {
  return rateText([...rates.values()].reduce((total, rate) => total + rate[way], 0))
}

function rateText(rate: number): string {
  return rate >= 100 ? grouped(Math.round(rate)) : rate.toFixed(1)
}

const BAR = 10

function bar(share: number): string {
  const full = Math.round(Math.min(1, share) * BAR)
  return '█'.repeat(full) + '░'.repeat(BAR - full)
}

/** Those with work on top, so that they are seen where there is no room for all. */
function busiestFirst(queues: readonly Queue[]): readonly Queue[] {
  const workOf = ({ counts }: Queue): number => counts.ready + counts.running
  return queues.toSorted((a, b) => workOf(b) - workOf(a) || (a.queue < b.queue ? -1 : 1))
}

function queueColumns(at: number, rates: Rates): readonly Column<Queue>[] {
  const count = (name: keyof Queue['counts'], dispensable: number): Column<Queue> => ({
    title: name.toUpperCase(),
    align: 'right',
    dispensable,
    text: ({ counts }) => grouped(counts[name]),
  })
  const rate = (title: string, way: keyof Rate): Column<Queue> => ({
    title,
    align: 'right',
    dispensable: 2,
    text: ({ queue }) => {
      const known = rates.get(queue)
      return known === undefined ? '-' : rateText(known[way])
    },
  })
  return [
    {
      title: 'QUEUE',
      align: 'left',
      dispensable: 0,
      text: ({ queue, paused }) => (paused ? `${queue} (paused)` : queue),
    },
    count('ready', 0),
    count('running', 1),
    {
      title: 'OLDEST',
      align: 'right',
      dispensable: 3,
      text: ({ oldestReadyAt }) => (oldestReadyAt === null ? '' : span(at - oldestReadyAt)),
    },
    rate('IN/S', 'in'),
    rate('OUT/S', 'out'),
    count('scheduled', 5),
    count('blocked', 6),
    count('held', 7),
    count('waiting', 9),
    count('failed', 4),
    count('succeeded', 8),
    count('cancelled', 10),
  ]
}

function workerColumns(at: number): readonly Column<Worker>[] {
  return [
    { title: 'WORKER', align: 'left', dispensable: 0, text: ({ host, pid }) => `${host}:${pid}` },
    {
      title: 'BUSY',
      align: 'right',
      dispensable: 0,
      text: ({ running, concurrency }) => `${running} of ${concurrency}`,
    },
    {
      title: '',
      align: 'left',
      dispensable: 4,
      text: ({ running, concurrency }) => bar(running / Math.max(1, concurrency)),
    },
    {
      title: 'STATE',
      align: 'left',
      dispensable: 1,
      text: ({ state, order }) =>
        state === 'draining' || order === null || order.end === null ? state : `told to ${order.end}`,
    },
    { title: 'LEASE ENDS', align: 'right', dispensable: 3, text: ({ expiresAt }) => relative(expiresAt, at) },
    { title: 'QUEUES', align: 'left', dispensable: 2, text: ({ queues }) => queues.join(', ') },
  ]
}

function failureColumns(at: number): readonly Column<TaskListItem>[] {
  return [
    {
      title: 'FAILED',
      align: 'right',
      dispensable: 1,
      text: ({ finishedAt, enqueuedAt }) => relative(finishedAt ?? enqueuedAt, at),
    },
    { title: 'TASK', align: 'left', dispensable: 0, text: ({ type }) => type },
    { title: 'ERROR', align: 'left', dispensable: 0, text: (task) => errorText(task) ?? '' },
    { title: 'ID', align: 'right', dispensable: 2, text: ({ id }) => id },
  ]
}

/** A table without its head, and what stands there if it is empty. */
interface Section {
  readonly head: ShownLine
  readonly lines: readonly ShownLine[]
}

interface SectionOptions<Row> {
  readonly columns: number
  readonly none: string
  readonly styleOf: (row: Row) => Style | null
}

function section<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { columns: width, none, styleOf }: SectionOptions<Row>,
): Section {
  if (rows.length === 0) return { head: { text: short(none, width), style: 'dim' }, lines: [] }
  const [head = '', ...lines] = fitted(columns, rows, width)
  return {
    head: { text: head, style: 'dim' },
    lines: lines.map((text, index) => ({ text, style: styleOf(rows[index]!) })),
  }
}

function shownSection({ head, lines }: Section, length: number, columns: number): readonly ShownLine[] {
  if (lines.length <= length) return [head, ...lines]
  if (length === 0) return [head]
  const shown = lines.slice(0, length - 1)
  const more = short(`… and ${lines.length - shown.length} more`, columns)
  return [head, ...shown, { text: more, style: 'dim' }]
}

/** Shares a room fairly: who needs less than an equal share leaves the rest to the others. */
function shares(needs: readonly number[], room: number): readonly number[] {
  const given = needs.map(() => 0)
  for (let left = room; left > 0; left--) {
    const open = needs.flatMap((need, index) => (given[index]! < need ? [index] : []))
    if (open.length === 0) break
    const poorest = open.reduce((least, index) => (given[index]! < given[least]! ? index : least))
    given[poorest]! += 1
  }
  return given
}

function plain(text: string): ShownLine {
  return { text, style: null }
}

function bold(text: string): ShownLine {
  return { text, style: 'bold' }
}
