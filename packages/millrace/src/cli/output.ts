/** What the command line writes: text for people, or with `--json` one JSON value per line. */
import { styleText } from 'node:util'

export type Style = Extract<Parameters<typeof styleText>[0], string>

export class Output {
  readonly json: boolean

  constructor({ json }: { readonly json: boolean }) {
    this.json = json
  }

  /** A line of text on stdout. */
  line(text = ''): void {
    process.stdout.write(`${text}\n`)
  }

  /** A line of text on stderr: what is said beside the answer. */
  note(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  /** Something on stderr that is worth knowing and no failure. */
  warn(message: string): void {
    this.note(this.json ? asJson({ warning: message }) : `millrace: ${printable(message)}`)
  }

  /** A JSON value on a line of its own. */
  value(value: unknown): void {
    process.stdout.write(`${asJson(value)}\n`)
  }
}

/**
 * Coloured on a terminal; NO_COLOR and FORCE_COLOR are heeded.
 *
 * @param stream where the text goes: of the two one may be a terminal and the other a file
 */
export function paint(style: Style, text: string, stream: NodeJS.WritableStream = process.stdout): string {
  return styleText(style, text, { stream })
}

/** @param indent spaces for each level; 0: on one line */
export function asJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, plain, indent) ?? 'null'
}

/** What codecs carry and JSON does not, to be looked at. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return { base64: Buffer.from(value).toString('base64') }
  return value instanceof Map || value instanceof Set ? [...(value as Iterable<unknown>)] : value
}

// Control characters, and those that turn the direction of the text: what is shown is data, and data gives no orders.
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Data as text that cannot move the cursor. */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) => ESCAPES[character] ?? escaped(character))
}

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Cut to so many characters, with a mark where something is left out. */
export function short(text: string, lengthMax: number): string {
  return text.length <= lengthMax ? text : `${text.slice(0, lengthMax - 1)}…`
}

/** Lines with aligned columns under a dimmed head; no blank at the end of a line. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): readonly string[] {
  const shown = rows.map((row) => row.map(printable))
  const widths = head.map((title, column) =>
    Math.max(title.length, ...shown.map((row) => row[column]?.length ?? 0)),
  )
  const aligned = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [paint('dim', aligned(head)), ...shown.map(aligned)]
}

/** A whole number with its thousands apart. */
export function grouped(count: number): string {
  return String(count).replaceAll(/\B(?=(\d{3})+$)/g, ' ')
}

/** `1 task`, `2 tasks`. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`
}
