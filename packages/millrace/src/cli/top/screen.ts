/** A terminal that is taken over for a while, and given back as it was. */
import type { WriteStream } from 'node:tty'
import { paint } from '../output.ts'
import type { ShownLine, Size } from './view.ts'

// Of xterm, which all terminals of today understand: another screen, no cursor, and no line that goes on in the next one.
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l'
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l'
const HOME = '\u001b[H'
// before the text: after one that fills the line it would take the last character away
const CLEAR_LINE = '\u001b[2K'
const CLEAR_BELOW = '\u001b[J'

/** Where a terminal does not say how large it is. */
const SIZE_DEFAULT: Size = { columns: 80, rows: 24 }

export class Screen implements Disposable {
  readonly #out: WriteStream
  readonly #resized: () => void
  readonly #onExit = (): void => this.#leave()
  #isTaken = true

  /** @param resized is called when it has another size */
  constructor(out: WriteStream, resized: () => void) {
    this.#out = out
    this.#resized = resized
    // whatever ends the process
    process.once('exit', this.#onExit)
    out.on('resize', resized)
    out.write(ENTER)
  }

  get size(): Size {
    const { columns, rows } = this.#out
    return columns > 0 && rows > 0 ? { columns, rows } : SIZE_DEFAULT
  }

  draw(lines: readonly ShownLine[]): void {
    const texts = lines.map(({ text, style }) => (style === null ? text : paint(style, text, this.#out)))
    this.#out.write(HOME + texts.map((text) => CLEAR_LINE + text).join('\r\n') + CLEAR_BELOW)
  }

  [Symbol.dispose](): void {
    this.#out.off('resize', this.#resized)
    process.off('exit', this.#onExit)
    this.#leave()
  }

  #leave(): void {
    if (!this.#isTaken) return
    this.#isTaken = false
    this.#out.write(LEAVE)
  }
}
