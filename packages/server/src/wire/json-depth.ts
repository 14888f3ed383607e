/** How deep JSON goes: looked at before it is parsed, which goes as deep as it is told. */

/** Arrays and objects inside each other; a little more than an input may have, which stands inside a request. */
export const DEPTH_MAX = 64

const QUOTE = 34
const BACKSLASH = 92
const OPENING: ReadonlySet<number> = new Set([91, 123])
const CLOSING: ReadonlySet<number> = new Set([93, 125])

/** Of a text that may be JSON, or not. */
export function depthOf(text: string): 'fine' | 'too deep' {
  let depth = 0
  let isText = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (isText) {
      if (code === BACKSLASH) at += 1
      else if (code === QUOTE) isText = false
    } else if (code === QUOTE) isText = true
    else if (OPENING.has(code)) {
      depth += 1
      if (depth > DEPTH_MAX) return 'too deep'
    } else if (CLOSING.has(code)) depth -= 1
  }
  return 'fine'
}
