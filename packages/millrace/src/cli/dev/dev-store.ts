/** The store that a project has for itself while it is written. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { SqliteStore } from '@millrace/sqlite'
import { parseStoreUrl } from '../../store-url.ts'

const FOLDER = '.millrace'
const FILE = `${FOLDER}/dev.db`

export const DEV_STORE: string = `sqlite:${FILE}`

/** In a folder that git leaves alone. */
export async function prepareStore({ fresh }: { readonly fresh: boolean }): Promise<void> {
  await mkdir(FOLDER, { recursive: true })
  await writeFile(`${FOLDER}/.gitignore`, '*\n')
  if (!fresh) return
  for (const suffix of ['', '-wal', '-shm']) await rm(FILE + suffix, { force: true })
}

/**
 * How far its time is ahead: as far as an earlier run has moved it, since the time of a file never goes back.
 *
 * @throws StoreError if it cannot be opened
 */
export async function aheadMsOf(url: string): Promise<number> {
  const address = parseStoreUrl(url)
  if (address.kind !== 'sqlite') return 0
  const store = new SqliteStore({ path: address.path })
  await store.open()
  try {
    return (await store.now()) - Date.now()
  } finally {
    await store.close()
  }
}
