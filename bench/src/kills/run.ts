/** A run of the demo that is killed and started again until it ends, and what should be the same afterwards. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { Demo, type DemoOptions, type Ending } from './demo.ts'
import { goalOf, killAt, type Blow, type Moment, type Whole } from './moments.ts'
import { Witness, type Contents } from './witness.ts'

type Report = Readonly<Record<string, unknown>>

/** What a run comes to that nobody disturbs. */
export interface Undisturbed extends Whole {
  readonly report: Report
  readonly files: readonly string[]
}

export interface Disturbed {
  readonly blows: readonly Blow[]
  /** In what it differs from the undisturbed run, in words. */
  readonly problems: readonly string[]
}

/** @throws Error if it did not go well even so */
export async function runUndisturbed(options: DemoOptions): Promise<Undisturbed> {
  const since = performance.now()
  using demo = started(options)
  const { code, text } = await demo.ended
  const durationMs = performance.now() - since
  if (code !== 0) throw new Error(`The demo ended with exit code ${code}: ${text}`)
  const { tasks, files, problems } = contentsOf(demo)
  if (problems.length > 0) throw new Error(problems.join('\n'))
  return { report: reportIn(options.place), tasks, files, durationMs }
}

/**
 * Kills the demo at each of the moments, starting it again after each, and then lets it end.
 *
 * @param beforeLast called before the start that is not killed any more
 */
export async function runDisturbed(
  options: DemoOptions,
  expected: Undisturbed,
  { moments, beforeLast }: { readonly moments: readonly Moment[]; readonly beforeLast?: () => void },
): Promise<Disturbed> {
  const blows: Blow[] = []
  for (const moment of moments) {
    using demo = started(options)
    const goal = goalOf(moment, blows.at(-1)?.share ?? 0, expected)
    const blow = await killAt(demo, goal, expected.tasks)
    if (blow !== undefined) blows.push(blow)
    // Started again it would be another run.
    if (blow === undefined) return { blows, problems: endProblems(await demo.ended, demo, expected) }
    if (blow.finished) return { blows, problems: differences(demo, expected) }
  }
  beforeLast?.()
  using demo = started(options)
  return { blows, problems: endProblems(await demo.ended, demo, expected) }
}

function started({ more = [], ...options }: DemoOptions): Demo {
  return new Demo({ ...options, more: [...more, '--json'] })
}

function endProblems({ code, text }: Ending, demo: Demo, expected: Undisturbed): readonly string[] {
  if (code !== 0) return [`it ended with exit code ${code}: ${text}`]
  const { killed: _, seconds: __, ...said } = JSON.parse(text) as Report
  const agrees = isDeepStrictEqual(said, { ...expected.report, lost: 0, acceptedTwice: 0 })
  return [...(agrees ? [] : [`it says itself: ${text.trim()}`]), ...differences(demo, expected)]
}

function differences(demo: Demo, expected: Undisturbed): readonly string[] {
  const { tasks, files, problems } = contentsOf(demo)
  const found = [...problems]
  const report = reportIn(demo.place)
  if (!isDeepStrictEqual(report, expected.report)) {
    found.push(`the report is ${JSON.stringify(report)} instead of ${JSON.stringify(expected.report)}`)
  }
  if (tasks !== expected.tasks) found.push(`${tasks} tasks instead of ${expected.tasks}`)
  const [here, there] = [new Set(files), new Set(expected.files)]
  for (const file of there.difference(here)) found.push(`missing: ${file}`)
  for (const file of here.difference(there)) found.push(`not expected: ${file}`)
  return found
}

function contentsOf(demo: Demo): Contents {
  using witness = new Witness(demo.store)
  try {
    return witness.contents()
  } catch (error) {
    return { tasks: 0, files: [], problems: [`the store cannot be read: ${String(error)}`] }
  }
}

function reportIn(place: string): Report {
  return JSON.parse(readFileSync(join(place, 'catalogue.json'), 'utf8')) as Report
}
