import type { TaskStatus } from '@millrace/core'
import type { HistoryEntry } from '@millrace/core/store'
import type { Command } from 'commander'
import { asJson, paint, printable, short, table } from '../output.ts'
import { CliError } from '../failure.ts'
import { errorText } from '../error-text.ts'
import { moment, relative, span } from '../time.ts'
import { withStore } from '../session.ts'

const VALUE_MAX = 2_000

export function addTask(program: Command): void {
  program
    .command('task')
    .summary('show one task')
    .description('Shows everything about a task: its state, input, result, error, times and options.')
    .argument('<id>', 'the id of the task')
    .addHelpText('after', '\nExample:\n  millrace task 0198c0de-0000-7000-8000-000000000000')
    .action((id: string, _: unknown, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        const status = await mill.tasks.get(id)
        if (status === undefined) throw unknown(id)
        if (output.json) return output.value(status)
        for (const [name, text] of factsOf(status, Date.now())) {
          output.line(`${paint('dim', name.padEnd(11))} ${printable(text)}`)
        }
        output.line(`\nWhat happened to it: millrace history ${status.id}`)
      }),
    )
}

export function addHistory(program: Command): void {
  program
    .command('history')
    .summary('show what happened to a task')
    .description('Shows what happened to a task, oldest first: its newest 100 events.')
    .argument('<id>', 'the id of the task')
    .action((id: string, _: unknown, command: Command) =>
      withStore(command, async ({ mill, output }) => {
        const entries = await mill.tasks.history(id)
        if (entries.length === 0) throw unknown(id)
        if (output.json) return entries.forEach((entry) => output.value(entry))
        for (const line of linesOf(entries, Date.now())) output.line(line)
      }),
    )
}

function unknown(id: string): CliError {
  return new CliError(
    'not-found',
    `The store holds no task ${id}.`,
    'It was never enqueued here, or was removed, or is older than the retention. See: millrace tasks',
  )
}

function linesOf(entries: readonly HistoryEntry[], now: number): readonly string[] {
  const first = entries[0]?.at ?? now
  const rows = entries.map(({ at, event, epoch, session, detail }) => [
    relative(at, now),
    `+${span(at - first)}`,
    event,
    detail ?? '',
    String(epoch),
    session ?? '',
  ])
  return table(['WHEN', 'SINCE', 'EVENT', 'DETAIL', 'EPOCH', 'SESSION'], rows)
}

type Fact = readonly [name: string, text: string]

const INPUT_FROM = {
  parents: 'the results of those it waits for',
  codec: "kept by its definition's codec, which is not at hand here",
} as const

function factsOf(task: TaskStatus, now: number): readonly Fact[] {
  const error = errorText(task)
  const facts: (Fact | undefined)[] = [
    ['id', task.id],
    ['task', task.type],
    ['state', task.reason === null ? task.state : `${task.state} (${task.reason})`],
    ['queue', `${task.queue}, priority ${task.priority}`],
    ['attempt', attemptOf(task)],
    ...timesOf(task, now),
    task.inputFrom === null ? fact('input', task.input) : ['input', INPUT_FROM[task.inputFrom]],
    fact('result', task.result),
    fact('checkpoint', task.checkpoint),
    error === undefined ? undefined : ['error', error],
    task.progress === null ? undefined : ['progress', progressOf(task.progress)],
    task.session === null ? undefined : ['session', task.session],
    task.cancel === null
      ? undefined
      : ['cancel', `asked for ${relative(task.cancel.at, now)}: ${task.cancel.reason ?? 'no reason given'}`],
    task.uniqueKey === null ? undefined : ['unique', task.uniqueKey],
    task.after.length === 0 ? undefined : ['after', afterOf(task)],
    task.needs.length === 0 ? undefined : ['needs', task.needs.join(', ')],
    task.tags.length === 0 ? undefined : ['tags', task.tags.join(', ')],
    ...Object.entries(task.metadata).map(([name, text]): Fact => ['metadata', `${name}: ${text}`]),
    ...Object.entries(task.headers).map(([name, text]): Fact => ['header', `${name}: ${text}`]),
    ...task.logs.map((log): Fact => [
      'log',
      `${relative(log.at, now)} ${log.level}: ${log.message} ${log.data ?? ''}`,
    ]),
  ]
  return facts.filter((one) => one !== undefined)
}

function fact(name: string, value: unknown): Fact | undefined {
  return value === undefined ? undefined : [name, short(asJson(value), VALUE_MAX)]
}

function timesOf(task: TaskStatus, now: number): readonly (Fact | undefined)[] {
  const at = (name: string, time: number | null): Fact | undefined =>
    time === null ? undefined : [name, moment(time, now)]
  return [
    at('enqueued', task.enqueuedAt),
    task.runAt > task.enqueuedAt ? at('due', task.runAt) : undefined,
    at('started', task.startedAt),
    at('finished', task.finishedAt),
    at('start by', task.startBy),
    at('deadline', task.deadlineAt),
    task.timeoutMs === null ? undefined : ['timeout', `${span(task.timeoutMs)} an attempt`],
  ]
}

function attemptOf({ attempt, policy, counters }: TaskStatus): string {
  const { retry } = policy
  const most = retry.kind === 'delays' ? retry.delaysMs.length + 1 : retry.attempts
  const others = (['crashes', 'returns', 'snoozes', 'generation'] as const).filter(
    (name) => counters[name] > 0,
  )
  return [`${attempt} of ${most}`, ...others.map((name) => `${name} ${counters[name]}`)].join(', ')
}

function progressOf({ fraction, message }: NonNullable<TaskStatus['progress']>): string {
  return `${Math.round(fraction * 100)} %${message === null ? '' : ` ${message}`}`
}

function afterOf({ after, blockers }: TaskStatus): string {
  const shown = after
    .slice(0, 10)
    .map(({ parent, ifFailed }) => (ifFailed === 'cancel' ? parent : `${parent} (if it fails: ${ifFailed})`))
  const more = after.length > shown.length ? `, and ${after.length - shown.length} more` : ''
  return `${shown.join(', ')}${more}; ${blockers} not ended yet`
}
