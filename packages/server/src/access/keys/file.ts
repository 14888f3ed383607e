/** The file of keys on disk. It is read whole and written whole: nobody ever sees half of it. */
import { randomBytes } from 'node:crypto'
import { link, open, readFile, rename, rm, stat, unlink } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { InvalidArgumentError } from '@millrace/core'
import { KEY_FILE_BYTES_MAX, parseKeys, writtenKeys, type KeyRecord } from './records.ts'

/** What tells one state of the file from another. */
export async function stampOf(path: string): Promise<string> {
  const { mtimeNs, ctimeNs, ino, size } = await stat(path, { bigint: true })
  return `${ino}:${size}:${mtimeNs}:${ctimeNs}`
}

/** @throws InvalidArgumentError if it is no file of keys, or anybody may write to it; errors of the file system */
export async function readKeys(path: string): Promise<readonly KeyRecord[]> {
  const { mode, size } = await stat(path)
  if ((mode & 0o002) !== 0 && process.platform !== 'win32')
    throw new InvalidArgumentError(`The file of keys ${path} can be written by anybody.`, {
      hint: `Whoever writes to it lets himself in: chmod 600 ${path}`,
    })
  if (size > KEY_FILE_BYTES_MAX)
    throw new InvalidArgumentError(`The file of keys ${path} has ${size} bytes.`, {
      hint: `It may have ${KEY_FILE_BYTES_MAX}.`,
    })
  return parseKeys(await readFile(path, 'utf8'), `The file of keys ${path}`)
}

/**
 * Changes what stands in the file, which need not be there yet. Only one does so at a time.
 *
 * @throws InvalidArgumentError if somebody else is at it; what `readKeys` and `change` throw
 */
export async function changeKeys<T extends { readonly keys: readonly KeyRecord[] }>(
  path: string,
  change: (keys: readonly KeyRecord[]) => T,
): Promise<T> {
  const lock = `${path}.lock`
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  await writeWhole(draft, '')
  try {
    await take(draft, lock)
    try {
      const changed = change(await keysIn(path))
      await writeWhole(draft, writtenKeys(changed.keys))
      await rename(draft, path)
      await syncFolder(path)
      return changed
    } finally {
      await unlink(lock)
    }
  } finally {
    await rm(draft, { force: true })
  }
}

async function take(draft: string, lock: string): Promise<void> {
  try {
    await link(draft, lock)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
    throw new InvalidArgumentError('Somebody else is changing the file of keys.', {
      hint: `Try again; if nobody is, one that was broken off has left ${lock}: remove it.`,
      cause,
    })
  }
}

async function keysIn(path: string): Promise<readonly KeyRecord[]> {
  try {
    return await readKeys(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

async function writeWhole(path: string, text: string): Promise<void> {
  const handle = await open(path, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** So that the new name outlives a loss of power, too. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return // it opens no folders
  const handle = await open(dirname(resolve(path)), 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
