/** The queues of a worker as somebody types them: NAME, or NAME=SLOTS. */
import type { WorkerOptions } from '@millrace/core'
import { CliError } from '../failure.ts'
import { wholeNumber } from '../options.ts'

/**
 * @param concurrency the slots of a queue that has no number of its own, where others have
 * @throws CliError
 */
export function queueSlots(
  given: readonly string[],
  concurrency: number | undefined,
): NonNullable<WorkerOptions['queues']> {
  const names = given.map((text) => text.trim()).filter((text) => text !== '')
  if (!names.some((name) => name.includes('='))) return names
  const pairs = names.map((text) => {
    const [name = '', count] = text.split('=')
    if (count !== undefined) return [name, wholeNumber(count, `The slots of ${name}`)] as const
    if (concurrency !== undefined) return [name, concurrency] as const
    throw new CliError(
      'usage',
      `The queue ${name} has no number of slots, but others have.`,
      'Give NAME=SLOTS for each, or --concurrency.',
    )
  })
  return Object.fromEntries(pairs)
}
