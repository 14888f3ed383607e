/** On the thread: calls that wait together share a commit, but no fate. */
import { addCarefully, TakenIdError } from './adding.ts'
import { failureOf, isOfTheFile } from './failures.ts'
import type { Hint } from '@millrace/core/store'
import type { Transactions, Work } from './transactions.ts'
import type { Answer, Call, PackedAdd } from './wire.ts'

/** A call that writes, and what it does. */
export interface Writing {
  readonly call: Call
  readonly work: Work
}

/** Hears what became of calls; those of one commit come together. */
export type Tell = (answers: readonly Answer[], hint: Hint | null) => void

/**
 * If one of them fails, all was taken back, and each is done by itself. What the file or its lock refuse, they
 * would refuse each of them.
 */
export async function writeTogether(
  transactions: Transactions,
  writings: readonly Writing[],
  tell: Tell,
): Promise<void> {
  try {
    const { answers, hint } = await transactions.write(writings.map(({ work }) => work))
    tell(
      writings.map(({ call: { call } }, index): Answer => ({ call, answer: answers[index] })),
      hint,
    )
  } catch (error) {
    const [only, ...others] = writings
    if (isOfTheFile(error)) tell(failed(writings, error), null)
    else if (others.length > 0) for (const one of writings) await writeTogether(transactions, [one], tell)
    else if (error instanceof TakenIdError) await writeTogether(transactions, [carefully(only!)], tell)
    else tell(failed(writings, error), null)
  }
}

/** Ids are hardly ever taken, so that is found out by the failure of the fast way. */
function carefully({ call }: Writing): Writing {
  return { call, work: (pass) => addCarefully(pass, call.request as PackedAdd) }
}

function failed(writings: readonly Writing[], error: unknown): readonly Answer[] {
  const failure = failureOf(error)
  return writings.map(({ call: { call } }): Answer => ({ call, failure }))
}
