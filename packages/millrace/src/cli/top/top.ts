/** `millrace top`: what a store does now, renewed again and again. */
import { setTimeout as sleep } from 'node:timers/promises'
import { duration, type Mill } from '@millrace/core'
import type { Command } from 'commander'
import { CliError, firstLine } from '../failure.ts'
import { withStore, type Session } from '../session.ts'
import { span } from '../time.ts'
import { Quitting } from './quitting.ts'
import { ratesBetween, readStore } from './reading.ts'
import { Screen } from './screen.ts'
import { topLines, type TopState } from './view.ts'

interface Options {
  readonly every: string
}

const EVERY_MIN_MS = 100
/** Of a store that takes long to answer no more than a fifth of the time is taken. */
const REST_PER_READING = 4
/** Where there is no screen to fill. */
const PAPER = { columns: 160, rows: 1_000 } as const

export function addTop(program: Command): void {
  program
    .command('top')
    .summary('watch queues, workers, rates and failures')
    .description(
      'Shows the queues (how many tasks are in each state, for how long the oldest has been ready, how many come in and come to ' +
        'their end each second), the workers (how many of their slots are busy), and what failed last; renewed until q ' +
        'or Ctrl-C. Where stdout is no terminal it is shown once, after two readings; with --json as one line of JSON.',
    )
    .option('--every <duration>', 'how often it is read anew', '1s')
    .addHelpText(
      'after',
      '\nExamples:\n  millrace top\n  millrace top --every 5s\n  millrace top --json | jq .queues',
    )
    .action((options: Options, command: Command) => top(command, options))
}

async function top(command: Command, { every }: Options): Promise<void> {
  const everyMs = intervalOf(every)
  await withStore(command, async (session) => {
    const first = await firstState(session)
    if (process.stdout.isTTY && !session.output.json) return live(session.mill, first, everyMs)
    await sleep(everyMs)
    const state = await renewed(session.mill, first)
    if (session.output.json) return session.output.value(valueOf(state))
    for (const { text } of topLines(state, PAPER)) session.output.line(text)
  })
}

function intervalOf(text: string): number {
  const everyMs = Number(duration(text)) // milliseconds, whatever the unit
  if (everyMs >= EVERY_MIN_MS) return everyMs
  throw new CliError('usage', `--every is ${text}.`, `It is ${EVERY_MIN_MS}ms at least.`)
}

async function firstState({ mill, place }: Session): Promise<TopState> {
  return { place, reading: await readStore(mill), rates: new Map(), corner: '', trouble: null }
}

async function renewed(mill: Mill, state: TopState): Promise<TopState> {
  const reading = await readStore(mill)
  return { ...state, reading, rates: ratesBetween(state.reading, reading, state.rates), trouble: null }
}

async function live(mill: Mill, first: TopState, everyMs: number): Promise<void> {
  let state: TopState = { ...first, corner: `every ${span(everyMs)}   q quits` }
  using quitting = new Quitting()
  using screen = new Screen(process.stdout, () => draw())
  const draw = (): void => screen.draw(topLines(state, screen.size))
  draw()
  let tookMs = 0
  while (await passed(Math.max(everyMs, REST_PER_READING * tookMs), quitting.signal)) {
    const since = performance.now()
    const reading = renewed(mill, state).catch((error: unknown): TopState => {
      return { ...state, trouble: `Not read: ${firstLine(error)}` }
    })
    const next = await unlessAborted(reading, quitting.signal)
    if (next === undefined) return
    tookMs = performance.now() - since
    state = next
    draw()
  }
}

/** Whether the time has passed: not if somebody quits. */
async function passed(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => undefined) // it rejects for that alone
  return !signal.aborted
}

/** What comes of a promise; `undefined` once somebody quits. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const quit = Promise.withResolvers<undefined>()
  const abort = (): void => quit.resolve(undefined)
  signal.addEventListener('abort', abort)
  try {
    return await Promise.race([promise, quit.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function valueOf({ place, reading, rates }: TopState): object {
  const { at, queues, workers, failures } = reading
  const shown = queues.map((queue) => {
    const rate = rates.get(queue.queue)
    return { ...queue, inPerSecond: rate?.in ?? null, outPerSecond: rate?.out ?? null }
  })
  return { at, store: place, queues: shown, workers, failures }
}
