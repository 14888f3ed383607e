/** What tells a Millrace server who calls. */
import { readFileSync } from 'node:fs'
import { InvalidArgumentError } from '@millrace/core'

/**
 * The token that was given, else MILLRACE_TOKEN, else what stands in the file that MILLRACE_TOKEN_FILE names; `undefined`: none.
 *
 * @throws InvalidArgumentError if that file cannot be read
 */
export function tokenFor(given: string | undefined): string | undefined {
  if (given !== undefined) return given
  const { MILLRACE_TOKEN: token = '', MILLRACE_TOKEN_FILE: file = '' } = process.env
  if (token !== '') return token
  return file === '' ? undefined : tokenIn(file)
}

function tokenIn(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (cause) {
    throw new InvalidArgumentError('The file that MILLRACE_TOKEN_FILE names cannot be read.', {
      cause,
      hint: 'Give its path, and let this process read it; or set MILLRACE_TOKEN.',
    })
  }
}
