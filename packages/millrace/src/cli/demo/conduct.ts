/** One run of the demo, from its first task to `catalogue.json`. */
import { realpath, rename, writeFile } from 'node:fs/promises'
import { setInterval, setTimeout as sleep } from 'node:timers/promises'
import { codeOf, taskId, type Mill, type TaskHandle } from '@millrace/core'
import { CliError } from '../failure.ts'
import { grouped } from '../output.ts'
import { Census, tasksOf } from './census.ts'
import { Crew } from './crew.ts'
import { Display, type Totals } from './display.ts'
import { EXAMPLE_FILE, loadExample, TASKS, type Selection } from './example.ts'
import { Killer } from './killer.ts'
import { summarise } from './summary.ts'
import type { DemoOptions } from './demo.ts'
import type { Session } from '../session.ts'

const WORKERS = 2
/** The one that the tasks of the example are in. */
const QUEUE = 'default'
const TICK_MS = 100
/** How long after its workers this process may hear of a signal. */
const SIGNAL_MS = 500
/** As good as for ever: the demo ends when the report does. */
const PATIENCE = '52w'
const RESULT_FILE = 'catalogue.json'

export interface Stage extends Session {
  /** The file of the store, if it is one. */
  readonly file: string | null
  readonly folder: string
  readonly options: DemoOptions
}

export async function conduct(stage: Stage): Promise<void> {
  const { mill, settings, options, folder } = stage
  const since = performance.now()
  using interrupted = interruption()
  const selection = {
    folder,
    pattern: options.pattern,
    skip: stage.file === null ? [] : await filesOfStore(stage.file),
  }
  await refusePaused(stage)
  if (options.fresh === true) await discard(mill, selection)
  await using crew = new Crew({
    size: WORKERS,
    store: settings.store.value,
    namespace: settings.namespace.value,
    file: EXAMPLE_FILE,
    concurrency: options.concurrency,
  })
  const example = await loadExample()
  const gone = Promise.race([lostBy(crew, interrupted), interrupted.signalled])
  const { run, report, resumed } = await Promise.race([example.catalogue(mill, selection), gone])
  const { metadata } = await report.status().catch((error: unknown) => giveUp(mill, run, error))
  const totals = totalsOf(metadata)
  const census = new Census(mill, run)
  await census.update()
  announce(stage, totals, resumed ? census.counts.files : undefined)
  const display = new Display(stage.output, totals)
  const killer = options.kill ? new Killer({ mill, crew, census, totals }) : undefined
  const watching = watch({ report, census, display, killer })
  const result = await Promise.race([watching, gone]).catch((error: unknown) => {
    display.clear()
    return giveUp(mill, run, error)
  })
  await crew.stop()
  await census.update()
  display.finish({ ...census.counts, packages: totals.packages })
  const audit = await census.audit({ asked: killer?.victim?.held ?? [], expected: totals.tasks })
  const catalogue = await written(result)
  await mill.tasks.remove(run)
  const seconds = (performance.now() - since) / 1_000
  const { folders, newlines } = totals
  summarise({ stage, catalogue, audit, victim: killer?.victim, folders, newlines, seconds })
}

/** Nothing of a paused queue is started: the demo would wait for its workers in vain. */
async function refusePaused({ mill, place }: Stage): Promise<void> {
  const queues = await mill.queues.list()
  if (queues.some(({ queue, paused }) => queue === QUEUE && paused))
    throw new CliError(
      'failed',
      `The queue ${QUEUE} of ${place} is paused, and the demo's tasks are of this queue.`,
      `To go on with it: millrace resume ${QUEUE}, with the same --store`,
    )
}

/** A run whose report failed, or was removed, cannot be finished: the next start is a new one. */
async function giveUp(mill: Mill, run: string, error: unknown): Promise<never> {
  const code = codeOf(error)
  if (code === 'task-failed' || code === 'task-cancelled' || code === 'not-found')
    await mill.tasks.remove(run)
  throw error
}

interface Watched {
  readonly report: TaskHandle
  readonly census: Census
  readonly display: Display
  readonly killer: Killer | undefined
}

/** Waits for the report, and meanwhile shows how it goes. */
async function watch({ report, census, display, killer }: Watched): Promise<unknown> {
  const over = new AbortController()
  const result = report.result({ within: PATIENCE }).finally(() => over.abort())
  const showing = (async () => {
    for await (const _ of setInterval(TICK_MS, undefined, { signal: over.signal })) {
      await census.update()
      display.show(census.counts)
      await killer?.consider()
    }
  })()
  const [outcome] = await Promise.all([
    result,
    showing.catch((error: unknown) => endedBy(over.signal, error)),
  ])
  return outcome
}

function endedBy(signal: AbortSignal, error: unknown): void {
  if (!signal.aborted) throw error
}

/** The store's own files are left out: a process that closes one of them would give up SQLite's locks on it. */
async function filesOfStore(file: string | null): Promise<readonly string[]> {
  if (file === null) return []
  const path = await realpath(file)
  return ['', '-wal', '-shm', '-journal'].map((suffix) => path + suffix)
}

/** Gives up an unfinished run of this folder. */
async function discard(mill: Mill, { folder, pattern }: Selection): Promise<void> {
  const key = taskId(await realpath(folder), pattern)
  for await (const task of tasksOf(mill, { type: TASKS.run, state: 'pending' })) {
    if (task.uniqueKey?.endsWith(key) !== true) continue
    await mill.tasks.cancel({ tag: task.id }, { reason: 'started anew' })
    await mill.tasks.remove(task.id)
  }
}

interface AllTotals extends Totals {
  readonly folders: number
  readonly newlines: number
  readonly tasks: number
}

function totalsOf(metadata: Readonly<Record<string, string>>): AllTotals {
  const count = (name: string): number => Number(metadata[name] ?? 0)
  return {
    files: count('files'),
    folders: count('folders'),
    newlines: count('newlines'),
    packages: count('packages'),
    tasks: count('tasks'),
  }
}

/** The kind of a server and its host: never the whole URL, which may hold a password. */
function placeOf(store: string): string {
  const { protocol, host } = new URL(store)
  return `${protocol}//${host}`
}

/** @param done how many files an earlier process has done, if this run is not new */
function announce(
  { output, settings, file, folder }: Stage,
  { files }: Totals,
  done: number | undefined,
): void {
  if (output.json) return
  const place = `${WORKERS} workers, ${file === null ? placeOf(settings.store.value) : `one SQLite file (${file})`}`
  const what = `${grouped(files)} files below ${folder}`
  if (done === undefined) output.line(`Millrace catalogues ${what}: ${place}`)
  else output.line(`Millrace goes on to catalogue ${what}, ${grouped(done)} are done: ${place}`)
}

/** Written whole or not at all, so that whoever finds it can trust it. */
async function written(result: unknown): Promise<Readonly<Record<string, unknown>>> {
  const draft = `.${RESULT_FILE}.${process.pid}`
  await writeFile(draft, `${JSON.stringify(result, null, 2)}\n`)
  await rename(draft, RESULT_FILE)
  return result as Readonly<Record<string, unknown>>
}

/** Ctrl-C reaches the workers as well, and they may be gone before this process has heard of it. */
async function lostBy(crew: Crew, { signalled }: Interruption): Promise<never> {
  try {
    return await crew.lost
  } catch (error) {
    await Promise.race([signalled, sleep(SIGNAL_MS)])
    throw error
  }
}

interface Interruption extends Disposable {
  /** Rejects when the process is asked to end. */
  readonly signalled: Promise<never>
}

function interruption(): Interruption {
  const { promise, reject } = Promise.withResolvers<never>()
  promise.catch(() => undefined)
  const stop = (): void =>
    reject(
      new CliError(
        'failed',
        'The demo was stopped.',
        'Start it again and it goes on where it was; --fresh starts anew.',
      ),
    )
  process.on('SIGINT', stop).on('SIGTERM', stop)
  return { signalled: promise, [Symbol.dispose]: () => void process.off('SIGINT', stop).off('SIGTERM', stop) }
}
