/** How the command line fails: one sentence, a hint, an exit code, and never a stack. */
import { codeOf } from '@millrace/core'
import { CommanderError } from 'commander'
import { EXIT, type ExitCode } from './exits.ts'
import { asJson, printable } from './output.ts'

/** Something that the command line itself has to say. */
export class CliError extends Error {
  readonly code: 'usage' | 'unknown-task' | 'not-found' | 'invalid-payload' | 'failed'
  readonly hint: string | undefined

  constructor(code: CliError['code'], message: string, hint?: string) {
    super(message)
    this.name = 'CliError'
    this.code = code
    this.hint = hint
  }
}

/** What cannot be right whatever the store holds is wrong usage. */
const USAGE_CODES: ReadonlySet<string> = new Set([
  'usage',
  'invalid-argument',
  'invalid-payload',
  'too-large',
  'store-url',
])

interface Failure {
  readonly code: string
  readonly message: string
  readonly hint?: string | undefined
}

/** Writes what went wrong to stderr and answers the exit code. */
export function fail(error: unknown, { json }: { readonly json: boolean }): ExitCode {
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done
  const failure = failureOf(error)
  if (json) process.stderr.write(`${asJson({ error: failure })}\n`)
  else process.stderr.write(`${textOf(failure)}\n`)
  if (failure.code === 'stalled') return EXIT.stalled
  return isUsage(error, failure) ? EXIT.usage : EXIT.failed
}

/** What the command line itself refuses says so: an input that does not fit a schema from the store is no wrong usage. */
function isUsage(error: unknown, { code }: Failure): boolean {
  return error instanceof CliError ? error.code === 'usage' : USAGE_CODES.has(code)
}

function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) {
    const [message = '', hint] = error.message.replace(/^error: /, '').split('\n')
    if (error.code === 'commander.help')
      return { code: 'usage', message: 'No command is given.', hint: 'See: millrace --help' }
    return {
      code: 'usage',
      message: sentence(message),
      hint: hint === undefined || hint === '' ? 'See: millrace --help' : suggestion(hint),
    }
  }
  const hint = (error as { readonly hint?: unknown } | null)?.hint
  const code = error instanceof CliError ? error.code : (codeOf(error) ?? 'failed')
  return { code, message: sentence(messageOf(error)), hint: typeof hint === 'string' ? hint : undefined }
}

function textOf({ message, hint }: Failure): string {
  return printable(`millrace: ${message}`) + (hint === undefined ? '' : `\n  ${printable(hint)}`)
}

function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`
}

/** Commander's `(Did you mean x?)` without the brackets. */
function suggestion(hint: string): string {
  return hint.replace(/^\((.*)\)$/, '$1')
}

/** The message of anything that was thrown, as far as it fits on a line. */
export function firstLine(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? ''
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** What to do about a module that Node does not load. */
export function loadingHint(file: string, error: unknown): string {
  const isTakenForCommonJs = /outside a module|Unexpected token 'export'/.test(messageOf(error))
  return isTakenForCommonJs
    ? 'Node takes it for CommonJS: put "type": "module" into package.json.'
    : `See what Node says: node ${file}`
}
