/** What tells a Millrace server who calls. */
import { secretVariable } from './environment.ts'

/**
 * The token that was given, else MILLRACE_TOKEN, else what stands in the file that MILLRACE_TOKEN_FILE names; `undefined`: none.
 *
 * @throws InvalidArgumentError if that file cannot be read, or both variables say something
 */
export function tokenFor(given: string | undefined): string | undefined {
  return given ?? secretVariable('MILLRACE_TOKEN')?.text
}
