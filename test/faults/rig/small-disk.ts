/** A disk of its own that is small, and can be filled to the last byte: memory that is mounted, which root may do. */
import { execFileSync, spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const BLOCK_BYTES = 4_096

export interface SmallDisk extends Disposable {
  readonly folder: string
  /** Takes all the room that is left. */
  fill(): void
  /** Gives it back. */
  clear(): void
}

/** `undefined`: whoever runs this may not mount anything. */
export function smallDisk(bytes: number): SmallDisk | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-disk-'))
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder])
  if (mounted.status !== 0) {
    rmdirSync(folder)
    return undefined
  }
  const ballast = join(folder, 'ballast')
  return {
    folder,
    fill: () => fillUp(ballast),
    clear: () => rmSync(ballast, { force: true }),
    [Symbol.dispose]() {
      // a process that was killed a moment ago may hold it still
      execFileSync('umount', ['--lazy', folder])
      rmdirSync(folder)
    },
  }
}

function fillUp(path: string): void {
  const file = openSync(path, 'w')
  try {
    for (const block = Buffer.alloc(BLOCK_BYTES); ;) writeSync(file, block)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  } finally {
    closeSync(file)
  }
}
