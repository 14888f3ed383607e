/** Actions that stop once so many tasks have matched, and go on where they stopped. */
import { InvalidArgumentError } from '../task/errors.ts'
import { shown } from '../task/shown.ts'
import type { Nonce } from '../store/records.ts'

/** Where an action over a filter begins, and after how many tasks it stops. */
export interface ActionPage {
  /** Names the command on all of its pages; `null`: it has no name yet. */
  readonly nonce: Nonce | null
  /** The store's; `null`: at the beginning. */
  readonly cursor: string | null
  readonly limit: number
}

const PREVIEW = 'preview'
const CURSOR = /^(preview|[0-9a-f]{16})\.(.+)$/s

/**
 * @param preview whether the cursor must be one of previews, which read instead of changing
 * @throws InvalidArgumentError
 */
export function actionPage(
  { limit = Infinity, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  preview: boolean,
): ActionPage {
  if (limit !== Infinity && !(Number.isSafeInteger(limit) && limit >= 1))
    throw new InvalidArgumentError(`limit is ${shown(limit)}.`, { hint: 'It is a whole number from 1.' })
  if (cursor === undefined) return { nonce: null, cursor: null, limit }
  const [, name, rest] = (typeof cursor === 'string' ? CURSOR.exec(cursor) : null) ?? []
  if (name === undefined || rest === undefined || (name === PREVIEW) !== preview) {
    throw new InvalidArgumentError(`The cursor is ${shown(cursor)}.`, {
      hint: 'Give `next` of the same action as it is; that of a preview is for the preview only.',
    })
  }
  return { nonce: preview ? null : name, cursor: rest, limit }
}

/** @param nonce `null`: of a preview */
export function nextPage(nonce: Nonce | null, cursor: string): string {
  return `${nonce ?? PREVIEW}.${cursor}`
}
