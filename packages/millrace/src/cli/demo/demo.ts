/** `millrace demo`: the catalogue of a folder by two worker processes, one of which is killed half-way. */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import type { Command } from 'commander'
import { CliError, messageOf } from '../failure.ts'
import { goOnUnheard } from '../unheard.ts'
import { withStore, type Session } from '../session.ts'
import { parseStoreUrl } from '../../store-url.ts'
import { settingsOf } from '../configuration/in-force.ts'
import { wholeNumber } from '../options.ts'
import { conduct } from './conduct.ts'
import { readableExample } from './example.ts'

export interface DemoOptions {
  readonly pattern: string
  readonly concurrency?: string
  readonly fresh?: boolean
  readonly kill: boolean
}

export function addDemo(program: Command): void {
  program
    .command('demo')
    .summary('see Millrace work on real files, and survive kill -9')
    .description(
      'Catalogues every regular file below a folder: one task per file, one per package after its files, one report ' +
        'after all packages. Of its two worker processes one is killed with -9 half-way; the other takes over.\n' +
        'The report is written to catalogue.json in the current folder.\n' +
        'Kill the whole of it at any moment and start it again: it goes on where it was.',
    )
    .argument('[folder]', 'the folder', 'node_modules')
    .option('--pattern <glob>', 'only files whose name matches', '*')
    .option('--concurrency <count>', 'files that each worker has in hand at the same time (default: 10)')
    .option('--fresh', 'start anew even if an earlier run was not finished')
    .option('--no-kill', 'do not kill a worker')
    .addHelpText(
      'after',
      `\nExamples:\n  millrace demo\n  millrace demo ~/notes --pattern '*.md'\n\nIt is ordinary code over the public API: ${readableExample()}`,
    )
    .action((folder: string, options: DemoOptions, command: Command) => demo(command, folder, options))
}

async function demo(command: Command, folder: string, options: DemoOptions): Promise<void> {
  const { store } = await settingsOf(command)
  const address = parseStoreUrl(store.value)
  if (address.kind === 'memory') {
    throw new CliError(
      'usage',
      'The demo has several processes, which cannot share a store in memory.',
      'Give a file: --store sqlite:millrace.db',
    )
  }
  if (options.concurrency !== undefined) wholeNumber(options.concurrency, '--concurrency')
  await checkFolder(folder)
  await checkHere()
  goOnUnheard()
  const file = address.kind === 'sqlite' ? address.path : null
  await withStore(command, (session: Session) => conduct({ ...session, file, folder, options }))
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch((error: unknown) => {
    throw unreadable(folder, error)
  })
  if (!found.isDirectory()) {
    throw new CliError('failed', `${folder} is no folder.`, 'Name a folder: millrace demo FOLDER')
  }
  await access(folder, constants.R_OK | constants.X_OK).catch((error: unknown) => {
    throw unreadable(folder, error)
  })
}

/** Before the work and not after it: at the end there is a report to be written. */
async function checkHere(): Promise<void> {
  await access('.', constants.W_OK | constants.X_OK).catch((error: unknown) => {
    throw new CliError(
      'failed',
      `The current folder cannot be written, where catalogue.json is to be put: ${reasonOf(error)}.`,
      'Start the demo in a folder of yours.',
    )
  })
}

function unreadable(folder: string, error: unknown): CliError {
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
    return new CliError(
      'failed',
      `There is no folder ${folder} here.`,
      'Name another one: millrace demo FOLDER',
    )
  }
  return new CliError(
    'failed',
    `The folder ${folder} cannot be read: ${reasonOf(error)}.`,
    'Name one that you may read: millrace demo FOLDER',
  )
}

/** What the system says, without the name of its call. */
function reasonOf(error: unknown): string {
  return messageOf(error).replace(/, \w+ '.*$/s, '')
}
