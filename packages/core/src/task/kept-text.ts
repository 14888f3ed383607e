/** Texts as every store can keep them: well-formed, and without U+0000. */

/** Whether a text can be kept as it is. */
export function isKeepable(text: unknown): text is string {
  return typeof text === 'string' && text.isWellFormed() && !text.includes('\0')
}

/** A text of at most so many characters, with a mark in place of what cannot be kept. */
export function keptText(text: string, lengthMax: number): string {
  const cut = text.length > lengthMax ? text.slice(0, lengthMax) : text
  return cut.toWellFormed().replaceAll('\0', '\ufffd')
}
