/**
 * Cron expressions: which wall clock times they mean. Croner is asked about a clock that never changes, so that
 * what a change of the clock means is decided in one place, which is ours (`cron-times`).
 */
import { Cron } from 'croner'
import { InvalidArgumentError } from '../task/errors.ts'
import { messageOf, shown } from '../task/shown.ts'

const HINT =
  "A cron expression has five fields, '30 2 * * 1-5' (minute, hour, day of month, month, day of week), or six with " +
  "the second in front; or it is one of '@hourly', '@daily', '@weekly', '@monthly', '@yearly'."

const NICKNAMES: ReadonlyMap<string, string> = new Map([
  ['@hourly', '0 * * * *'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@weekly', '0 0 * * 0'],
  ['@monthly', '0 0 1 * *'],
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
])

const TEXT_MAX = 512
const DAY_MS = 86_400_000

export class CronExpression {
  readonly #cron: Cron
  /** Whether it names all 24 hours, so that it goes by elapsed time. */
  readonly everyHour: boolean

  /** @throws InvalidArgumentError if it is none */
  constructor(text: string) {
    const fields = fieldsOf(text)
    this.#cron = parsed(fields.join(' '), text)
    this.everyHour = hasEveryHour(fields.at(-4)!, text)
  }

  /**
   * The first wall clock time after another one; both as if they were UTC, in milliseconds. Answers `null` if there is
   * none within 400 years, after which the calendar repeats itself.
   */
  after(wall: number): number | null {
    const next = this.#cron.nextRun(new Date(wall))
    return next === null ? null : next.getTime()
  }
}

function fieldsOf(text: unknown): readonly string[] {
  if (typeof text !== 'string' || text.length > TEXT_MAX) throw notCron(text)
  const fields = (NICKNAMES.get(text.trim().toLowerCase()) ?? text).trim().split(/\s+/)
  // croner also takes dates, which happen once
  if (fields.length < 5 || fields.length > 6 || text.includes(':')) throw notCron(text)
  return fields
}

function parsed(fields: string, text: string): Cron {
  try {
    return new Cron(fields, { utcOffset: 0, mode: '5-or-6-parts' })
  } catch (cause) {
    throw notCron(text, cause)
  }
}

function hasEveryHour(hours: string, text: string): boolean {
  const daily = parsed(`0 0 ${hours} * * *`, text)
  let at = -1
  for (let hour = 0; hour < 24; hour++) {
    at = daily.nextRun(new Date(at))!.getTime()
    if (at !== (hour * DAY_MS) / 24) return false
  }
  return true
}

function notCron(text: unknown, cause?: unknown): InvalidArgumentError {
  const why = cause === undefined ? '' : ` (${messageOf(cause)})`
  return new InvalidArgumentError(`cron is ${shown(text)}, which is no cron expression${why}.`, {
    hint: HINT,
    cause,
  })
}
