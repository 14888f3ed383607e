import { relative } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { handlersByType, type Handler } from '@millrace/core'
import type { Command } from 'commander'
import { CliError, messageOf } from '../failure.ts'
import { loadHandlers } from '../handlers.ts'
import { nearest } from '@millrace/server/published'
import { parsedJson } from '../options.ts'
import { asJson, paint, printable, type Output } from '../output.ts'
import { rehearse, type Ending, type Happening } from '../rehearsal.ts'
import { outputOf } from '../session.ts'
import { span } from '../time.ts'
import { noteLogger, valueLogger } from '../worker-log.ts'

export function addRun(program: Command): void {
  program
    .command('run')
    .summary('run one handler dry: nothing is written')
    .description(
      'Runs the handler of one task, once, on the input that is given. The store is not even opened: the input is checked by ' +
        'the schema, and what the handler logs, reports, saves and would enqueue is shown. It runs in this process, also ' +
        'where its options say thread or process, so that a debugger is at home. What the handler itself does elsewhere (a ' +
        'request, a file) it does.',
    )
    .argument('<file>', 'the module that exports the handler')
    .argument('<task>', 'the name of the task')
    .argument('[json]', 'its input as JSON; - reads it from stdin')
    .addHelpText(
      'after',
      `
Examples:
  millrace run src/handlers.ts greet '{"name":"Ada"}'
  millrace run src/handlers.ts report.daily | jq .total

The result goes to stdout, the rest to stderr; with --json all of it is lines on stdout. Exit code 1: it failed.`,
    )
    .action((...[file, task, json, , command]: [string, string, string | undefined, unknown, Command]) =>
      run(command, { file, task, json }),
    )
}

interface Asked {
  readonly file: string
  readonly task: string
  readonly json: string | undefined
}

async function run(command: Command, { file, task, json }: Asked): Promise<void> {
  const output = outputOf(command)
  const input =
    json === undefined ? undefined : parsedJson(json === '-' ? await readAll(process.stdin) : json)
  const handler = handlerOf(file, task, await loadHandlers([file]))
  const ending = await rehearse(handler, input, {
    logger: output.json ? valueLogger(output) : noteLogger(output),
    happened: (happening) => tell(output, happening),
  })
  conclude(output, ending)
}

/** @throws CliError with the names that there are */
function handlerOf(file: string, task: string, handlers: readonly Handler[]): Handler {
  const found = handlersByType(handlers)
  const handler = found.get(task)
  if (handler !== undefined) return handler as Handler
  const names = [...found.keys()]
  const near = nearest(task, names)
  throw new CliError(
    'unknown-task',
    `There is no handler of a task ${JSON.stringify(task)} in ${file}.`,
    near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `It has ${names.join(', ')}.`,
  )
}

function tell(output: Output, happening: Happening): void {
  if (output.json) return output.value(happening)
  output.note(paint('cyan', printable(textOf(happening)), process.stderr))
}

function textOf(happening: Happening): string {
  switch (happening.kind) {
    case 'progress': {
      const { fraction, message } = happening
      return `progress ${Math.round(fraction * 100)} %${message === undefined ? '' : ` ${message}`}`
    }
    case 'checkpoint':
      return `would save the checkpoint ${asJson(happening.value)}`
    case 'enqueue': {
      const { task, input, options } = happening
      const said = Object.keys(options).length === 0 ? '' : ` with ${asJson(options)}`
      return `would enqueue ${task} ${asJson(input)}${said}`
    }
  }
}

function conclude(output: Output, ending: Ending): void {
  if (ending.kind === 'succeeded') {
    const { result, durationMs } = ending
    if (output.json) return output.value({ kind: 'succeeded', result: result ?? null, durationMs })
    if (result !== undefined) output.line(asJson(result, 2))
    const returned = result === undefined ? ', without a result' : ''
    return output.note(
      paint('green', `Succeeded in ${span(durationMs)}${returned}. Nothing was written.`, process.stderr),
    )
  }
  if (ending.kind === 'snoozed') {
    if (output.json) return output.value(ending)
    const text = `It asked to be run again after ${span(ending.delayMs)}. Nothing was written.`
    return output.note(paint('yellow', text, process.stderr))
  }
  const { error, retryMs, durationMs } = ending
  if (output.json) output.value({ kind: 'failed', error: errorOf(error), retryMs, durationMs })
  throw new CliError(
    'failed',
    `It failed after ${span(durationMs)}: ${errorText(error)}`,
    `${placeOf(error)}${next(retryMs)} Nothing was written.`,
  )
}

function errorOf(error: unknown): object {
  return error instanceof Error ? { name: error.name, message: error.message } : { message: messageOf(error) }
}

function errorText(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : messageOf(error)
}

/** Of the library, as it is installed and as it stands in its repository. */
const LIBRARY = /\/node_modules\/|\/packages\/core\/|\/cli\/rehearsal\./

/** Where the user's own code threw: the first place in the stack that is none of the library's. */
function placeOf(error: unknown): string {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const places = stack.matchAll(/(?:file:\/\/)?(\/[^\s()]+):(\d+:\d+)\)?$/gm)
  const [own] = Array.from(places).filter(([place]) => !LIBRARY.test(place))
  return own === undefined ? '' : `At ${relative(process.cwd(), own[1]!)}:${own[2]!}. `
}

function next(retryMs: number | null): string {
  return retryMs === null
    ? 'Enqueued, it would be a dead letter.'
    : `Enqueued, it would be tried again after ${span(retryMs)}.`
}
