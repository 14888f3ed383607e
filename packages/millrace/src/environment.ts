/** Variables that hold secrets: for each there is one that names a file instead, as containers have them. */
import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from '@millrace/core'

type Environment = Readonly<Record<string, string | undefined>>

/** A variable that says something. */
export interface Variable {
  readonly text: string
  /** The variable that said it. */
  readonly by: string
}

const FILE_BYTES_MAX = 65_536

/**
 * `MILLRACE_STORE`, or what stands in the file that `MILLRACE_STORE_FILE` names. One that is empty says nothing.
 *
 * @throws InvalidArgumentError if both say something, or the file cannot be read; what stands in it is not repeated
 */
export function secretVariable(name: string, environment: Environment = process.env): Variable | undefined {
  const by = `${name}_FILE`
  const text = environment[name] ?? ''
  const path = environment[by] ?? ''
  if (path === '') return text === '' ? undefined : { text, by: name }
  if (text !== '')
    throw new InvalidArgumentError(`Both ${name} and ${by} say something.`, { hint: 'Set one of them.' })
  return { text: contentOf(path, by), by }
}

function contentOf(path: string, by: string): string {
  let text
  try {
    text = readFileSync(path, 'utf8').trim()
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown'
    throw new InvalidArgumentError(`${by}: ${path} cannot be read (${code}).`, {
      hint: 'It names a file with nothing but the value in it.',
      cause,
    })
  }
  if (text !== '' && text.length <= FILE_BYTES_MAX) return text
  throw new InvalidArgumentError(`${by}: ${path} holds ${text === '' ? 'nothing' : 'too much'}.`, {
    hint: 'It names a file with nothing but the value in it.',
  })
}
