/** The file of a SQLite store, asked past the store. */
import { DatabaseSync } from 'node:sqlite'
import type { Stage } from '../../servers/stage.ts'

const PATIENCE_MS = 30_000

export function fileOf({ url }: Stage): string {
  return url.slice('sqlite:'.length)
}

/** Nobody else is in the middle of a write while it is held. */
export function writeLock(path: string): Disposable {
  const file = new DatabaseSync(path, { timeout: PATIENCE_MS })
  file.exec('BEGIN IMMEDIATE')
  return {
    [Symbol.dispose]() {
      file.exec('ROLLBACK')
      file.close()
    },
  }
}

/** What SQLite itself finds wrong with it, in words. */
export function damages(path: string): readonly string[] {
  const file = new DatabaseSync(path)
  const said = JSON.stringify(file.prepare('PRAGMA integrity_check').all())
  file.close()
  return said === '[{"integrity_check":"ok"}]' ? [] : [`integrity: ${said}`]
}
