/** Measuring one file, of any size: the other part of the catalogue that has nothing to do with tasks. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { createGzip } from 'node:zlib'

/** What is counted of a file. */
export interface Sums {
  bytes: number
  /** Newline bytes. */
  lines: number
  /** Runs of bytes other than ASCII white space. */
  words: number
  gzipBytes: number
  /** In Markdown: lines of one to six `#` and a space, outside fenced code. */
  headings: number
  /** In Markdown: inline links, `[text](target)` on one line, outside fenced code. */
  links: number
}

export interface Measure extends Sums {
  sha256: string
}

/** By now it may be a link, or a pipe that nobody writes to. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0)
const PIECE_BYTES = { min: 2 ** 12, max: 2 ** 18 }

export function sum(all: readonly Sums[]): Sums {
  const total: Sums = { bytes: 0, lines: 0, words: 0, gzipBytes: 0, headings: 0, links: 0 }
  for (const one of all) for (const key of Object.keys(total) as (keyof Sums)[]) total[key] += one[key]
  return total
}

const NEWLINE = 10
const FENCE = /^\s*(`{3,}(?!.*`)|~{3,})/
const HEADING = /^#{1,6} /
const LINK = /\[[^[\]]*\]\([^)]*\)/g

/** A line that does not end is counted in pieces, so that it need not fit into memory. */
const LINE_MAX = 2 ** 20

/**
 * Reads a file once, piece by piece.
 *
 * @throws what the file system says, or that it is no regular file
 */
export async function measure(path: Buffer, signal: AbortSignal): Promise<Measure> {
  await using file = await open(path, OPEN_FLAGS)
  const stats = await file.stat()
  if (!stats.isFile()) throw new Error('This is no regular file')
  const hash = createHash('sha256')
  const gzip = createGzip()
  const text = new Text(path.subarray(-3).toString('latin1') === '.md')
  let bytes = 0
  let gzipBytes = 0
  gzip.on('data', (packed: Buffer) => (gzipBytes += packed.length))
  const buffer = Buffer.allocUnsafe(Math.min(Math.max(stats.size + 1, PIECE_BYTES.min), PIECE_BYTES.max))
  for (let more = true; more; signal.throwIfAborted()) {
    const piece = buffer.subarray(0, (await file.read(buffer)).bytesRead)
    if (piece.length === 0) break
    bytes += piece.length
    hash.update(piece)
    text.add(piece)
    await new Promise((resolve) => gzip.write(piece, resolve))
    // A short read is the end, if all was read; files without a size are made up as they are read.
    more = piece.length === buffer.length || bytes < stats.size || stats.size === 0
  }
  await once(gzip.end(), 'end')
  return { bytes, ...text.counts(), gzipBytes, sha256: hash.digest('hex') }
}

class Text {
  lines = 0
  words = 0
  headings = 0
  links = 0
  readonly #markdown: boolean
  #inWord = false
  #rest = ''
  #fence = ''

  constructor(markdown: boolean) {
    this.#markdown = markdown
  }

  add(chunk: Uint8Array): void {
    let [lines, words, inWord] = [0, 0, this.#inWord]
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      const space = byte === 32 || (byte >= 9 && byte <= 13)
      if (byte === NEWLINE) lines += 1
      if (!space && !inWord) words += 1
      inWord = !space
    }
    this.lines += lines
    this.words += words
    this.#inWord = inWord
    if (this.#markdown) this.#addMarkdown(chunk)
  }

  counts(): Pick<Sums, 'lines' | 'words' | 'headings' | 'links'> {
    this.#line(this.#rest)
    this.#rest = ''
    const { lines, words, headings, links } = this
    return { lines, words, headings, links }
  }

  /** Byte by byte as Latin-1: what is looked for is ASCII, and no character is ever cut. */
  #addMarkdown(chunk: Uint8Array): void {
    const lines = (this.#rest + Buffer.from(chunk).toString('latin1')).split('\n')
    const last = lines.pop() ?? ''
    for (const line of lines) this.#line(line)
    this.#rest = last.length > LINE_MAX ? '' : last
    if (last.length > LINE_MAX) this.#line(last)
  }

  #line(line: string): void {
    const mark = FENCE.exec(line)?.[1]
    if (this.#fence !== '') {
      if (mark?.startsWith(this.#fence) === true && line.trim() === mark) this.#fence = ''
    } else if (mark !== undefined) this.#fence = mark
    else {
      if (HEADING.test(line)) this.headings += 1
      // Cut behind the last bracket, so that no search for one runs in vain: the time stays linear.
      this.links += line.slice(0, line.lastIndexOf(')') + 1).match(LINK)?.length ?? 0
    }
  }
}
