/**
 * How large what comes for the store may be. Core sees to it before it sends anything, and a store takes what it is given:
 * who speaks to the port by themselves must not leave there what nobody else can read.
 */
import { TooLargeError } from '@millrace/core'
import type {
  CommandRequest,
  LogEntry,
  Payload,
  PublishedDefinition,
  Settlement,
  TaskError,
  TaskSpec,
} from '@millrace/core/store'
import type { PortMethod, Taken } from '../../wire/methods.ts'

/** 1 MiB, and what a codec puts around it. */
const PAYLOAD_BYTES = 1_048_576 + 65_536
/** Of metadata, and of headers. */
const STRINGS_BYTES = 16_384
const ERROR_BYTES = 16_384
/** Of a log line, its data, and of a word on progress: 1 000 characters of three bytes. */
const LINE_BYTES = 3_072
const DEFINITION_BYTES = 1_048_576

type Checks = { readonly [M in PortMethod]?: (taken: Taken<M>) => void }

const CHECKS: Checks = {
  add: ({ groups }) => {
    for (const { tasks } of groups) for (const task of tasks) checkTask(task)
  },
  exchange: ({ settlements }) => {
    for (const settlement of settlements) checkSettlement(settlement)
  },
  command: ({ command }) => checkCommand(command),
  openSession: ({ definitions }) => {
    for (const definition of definitions) checkDefinition(definition)
  },
}

/** @throws TooLargeError */
export function checkSizes<M extends PortMethod>(method: M, taken: Taken<M>): void {
  CHECKS[method]?.(taken)
}

function checkTask({ id, payload, metadata, headers }: TaskSpec): void {
  checkPayload(payload, `The payload of task ${id}`)
  check(stringsBytes(metadata), STRINGS_BYTES, `The metadata of task ${id}`)
  check(stringsBytes(headers), STRINGS_BYTES, `The headers of task ${id}`)
}

function checkSettlement({ fence: { task }, transition, notes }: Settlement): void {
  if ('result' in transition) checkPayload(transition.result, `The result of task ${task}`)
  if ('checkpoint' in transition) checkPayload(transition.checkpoint, `The checkpoint of task ${task}`)
  if ('error' in transition) check(errorBytes(transition.error), ERROR_BYTES, `The error of task ${task}`)
  for (const line of notes?.logs ?? []) checkLine(line, task)
  check(bytesOf(notes?.progress?.message), LINE_BYTES, `What is said of the progress of task ${task}`)
}

function checkLine({ message, data }: LogEntry, task: string): void {
  check(Math.max(bytesOf(message), bytesOf(data)), LINE_BYTES, `A log line of task ${task}`)
}

function checkCommand(command: CommandRequest['command']): void {
  if ('payload' in command) checkPayload(command.payload, 'The payload of the command')
}

function checkDefinition({ type, options, schema }: PublishedDefinition): void {
  check(bytesOf(options) + bytesOf(schema), DEFINITION_BYTES, `The definition of ${type}`)
}

function checkPayload(payload: Payload | null, what: string): void {
  check(typeof payload === 'string' ? bytesOf(payload) : (payload?.length ?? 0), PAYLOAD_BYTES, what)
}

function stringsBytes(strings: Readonly<Record<string, string>>): number {
  return Object.entries(strings).reduce((sum, [key, text]) => sum + bytesOf(key) + bytesOf(text), 0)
}

function errorBytes(error: TaskError | null): number {
  if (error === null) return 0
  const { name, message, code, stack } = error
  return [name, message, code, stack].reduce((sum, text) => sum + bytesOf(text), 0)
}

function bytesOf(text: string | null | undefined): number {
  return text === null || text === undefined ? 0 : Buffer.byteLength(text)
}

function check(bytes: number, bytesMax: number, what: string): void {
  if (bytes > bytesMax)
    throw new TooLargeError(`${what} has ${bytes} bytes.`, { hint: `It may have ${bytesMax}.` })
}
