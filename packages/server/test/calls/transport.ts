/** How a call is made, whatever carries it. */
import type { Stage } from '../stage.ts'

/** What came of a call: its output, or the code of what refused it. */
export type Outcome = { readonly output: unknown } | { readonly refused: string; readonly detail: string }

export type Transport = (
  stage: Stage,
  call: string,
  given: { readonly input: Readonly<Record<string, unknown>>; readonly as: string },
) => Promise<Outcome>
