/** Nothing is done of which nobody would know: what is audited is noted before it is done, and again after that. */
import { codeOf, StoreError } from '@millrace/core'
import type { ServerParts } from '../parts.ts'
import type { AuditEntry } from './audit.ts'

type Parts = Pick<ServerParts, 'audit' | 'platform' | 'logger'>

/** What is done, and by whom. */
export type Deed = Pick<AuditEntry, 'caller' | 'call' | 'target'>

/**
 * Notes that something is about to be done, does it, and notes what came of it. When the second cannot be noted its caller
 * is answered all the same, since it was done and is known to have begun; the log tells of it.
 *
 * @throws StoreError if it cannot be noted: then it is not done; and what it throws
 */
export async function audited<T>(deed: Deed, parts: Parts, run: () => Promise<T>): Promise<T> {
  const id = newId(parts)
  await begin({ ...deed, id }, parts)
  let answer
  try {
    answer = await run()
  } catch (error) {
    await end({ ...deed, id, refused: codeOf(error) ?? 'internal' }, parts)
    throw error
  }
  await end({ ...deed, id, refused: null, ...countsOf(answer) }, parts)
  return answer
}

/** Notes that something was refused before it began. */
export async function auditRefused(deed: Deed, error: unknown, parts: Parts): Promise<void> {
  await end({ ...deed, id: newId(parts), refused: codeOf(error) ?? 'internal' }, parts)
}

async function begin(
  entry: Deed & Pick<AuditEntry, 'id'>,
  { audit, platform, logger }: Parts,
): Promise<void> {
  try {
    await audit.note({ at: new Date(platform.wallMs()), stage: 'begun', ...entry, refused: null })
  } catch (error) {
    if (error instanceof StoreError) throw error
    logger.error({ err: error }, 'The audit cannot be written.')
    throw unwritten('what it was given does not take entries', error)
  }
}

async function end(
  entry: Deed & Pick<AuditEntry, 'id' | 'refused'> & Counts,
  { audit, platform, logger }: Parts,
): Promise<void> {
  try {
    await audit.note({ at: new Date(platform.wallMs()), stage: 'ended', ...entry })
  } catch (err) {
    logger.error({ err, audit: entry }, 'What came of an action could not be noted in the audit.')
  }
}

/** What a caller is told whose action was not done for that. */
export function unwritten(why: string, cause?: unknown): StoreError {
  return new StoreError('store-unavailable', `The audit is not kept: ${why}.`, {
    effect: 'none',
    hint: 'Have it looked at: nothing that has to be noted is done until then.',
    cause,
  })
}

type Counts = Pick<AuditEntry, 'matched' | 'changed'>

/** Told, beside what was done, where an answer says so. */
function countsOf(answer: unknown): Counts {
  if (typeof answer !== 'object' || answer === null) return {}
  const { matched, changed } = answer as { readonly matched?: unknown; readonly changed?: unknown }
  return {
    ...(typeof matched === 'number' ? { matched } : {}),
    ...(typeof changed === 'number' ? { changed } : {}),
  }
}

function newId({ platform }: Pick<Parts, 'platform'>): string {
  return Array.from({ length: 4 }, () => platform.random32().toString(16).padStart(8, '0')).join('')
}
