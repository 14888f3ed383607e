/** Tables that fit a width: columns that matter less are left out first, then the widest text is cut. */
import { printable, short } from '../output.ts'

export interface Column<Row> {
  readonly title: string
  readonly align: 'left' | 'right'
  /** The higher, the sooner it is left out; 0: never. */
  readonly dispensable: number
  text(row: Row): string
}

const GAP = 2
/** A text is cut to that at most, before a column is left out. */
const TEXT_MIN = 12

/** The head, and a line for each row: none is longer than `width`. */
export function fitted<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): readonly string[] {
  let kept = columns.map((column) => {
    const cells = rows.map((row) => printable(column.text(row)))
    return { column, cells, width: Math.max(column.title.length, ...cells.map((cell) => cell.length)) }
  })
  const used = (): number => kept.reduce((sum, one) => sum + leastOf(one) + GAP, -GAP)
  while (used() > width) {
    const [least] = kept
      .filter(({ column }) => column.dispensable > 0)
      .toSorted((a, b) => b.column.dispensable - a.column.dispensable)
    if (least === undefined) break
    kept = kept.filter((one) => one !== least)
  }
  const widths = shrunk(kept, width)
  const line = (cellOf: (one: (typeof kept)[number]) => string): string =>
    short(
      kept
        .map((one, index) => {
          const cell = short(cellOf(one), widths[index]!)
          return one.column.align === 'left' ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!)
        })
        .join(' '.repeat(GAP))
        .trimEnd(),
      width,
    )
  return [line(({ column }) => column.title), ...rows.map((_, row) => line(({ cells }) => cells[row]!))]
}

interface Sized {
  readonly column: Pick<Column<never>, 'align' | 'title'>
  readonly width: number
}

/** Numbers are shown whole. */
function leastOf({ column, width }: Sized): number {
  return column.align === 'right' ? width : Math.min(width, Math.max(column.title.length, TEXT_MIN))
}

/** Takes what is too much from the widest texts, one character after the other. */
function shrunk(columns: readonly Sized[], width: number): readonly number[] {
  const widths = columns.map((one) => one.width)
  let excess = widths.reduce((sum, one) => sum + one + GAP, -GAP) - width
  while (excess > 0) {
    const wide = widths
      .map((one, index) => ({ index, spare: one - leastOf(columns[index]!) }))
      .filter(({ spare }) => spare > 0)
    if (wide.length === 0) break
    const { index } = wide.reduce((most, one) => (widths[one.index]! > widths[most.index]! ? one : most))
    widths[index]! -= 1
    excess -= 1
  }
  return widths
}
