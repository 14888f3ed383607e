/** Errors, as metrics and logs tell of them. */

/** Its message; of what is no error, the text of it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The code of an error of Millrace; `undefined`: it is none. */
export function codeOf(error: unknown): string | undefined {
  const code =
    typeof error === 'object' && error !== null ? (error as { readonly code?: unknown }).code : null
  return typeof code === 'string' ? code : undefined
}

/** Whether it was the store that failed, as far as the code tells. */
export function isStoreFailure(error: unknown): boolean {
  const code = codeOf(error) ?? ''
  return code.startsWith('store-') || code === 'ambiguous'
}
