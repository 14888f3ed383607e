/** What is done when nobody can read any more what the command line writes. */
import { EXIT } from './exits.ts'

/**
 * Ends the process with the first line that cannot be written: quietly where the reader has seen enough
 * (`millrace tasks | head` closes the pipe), else with a sentence.
 */
export function endUnheard(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', end)
}

/** For a verb that works: its work is what it was started for, and goes on without a word. */
export function goOnUnheard(): void {
  for (const stream of [process.stdout, process.stderr]) stream.off('error', end)
  process.stderr.on('error', nothing)
  process.stdout.once('error', sayOnce).on('error', nothing)
}

/** Resolves when all that was written is out, or is known not to get out. */
export async function said(): Promise<void> {
  for (const stream of [process.stdout, process.stderr])
    await new Promise<void>((resolve) => stream.write('', () => resolve()))
}

function end(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit()
  complain(error, 'Look at what the output is directed to.')
  process.exit(EXIT.failed)
}

function sayOnce(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') complain(error, 'The work goes on; nothing more is said about it.')
}

function complain({ message }: Error, hint: string): void {
  process.stderr.write(
    `millrace: The output cannot be written: ${message.replace(/, \w+$/, '')}.\n  ${hint}\n`,
  )
}

function nothing(): void {
  // What cannot be said cannot be complained about either.
}
