/** Tells when files change. Their folders are watched: editors put a new file in the place of the old one. */
import { watch, type FSWatcher } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Editors and compilers write several times in a row. */
const QUIET_MS = 100

export class FileWatch implements Disposable {
  readonly #changed: (path: string) => void
  readonly #folders = new Map<string, { readonly watcher: FSWatcher; readonly names: Set<string> }>()
  #timer: NodeJS.Timeout | undefined

  /** @param changed is called with the last file that has changed, once all is quiet */
  constructor(changed: (path: string) => void) {
    this.#changed = changed
  }

  /** @throws what the system says, as where there are too many watches */
  add(path: string): void {
    const folder = dirname(path)
    const known = this.#folders.get(folder)
    if (known !== undefined) return void known.names.add(basename(path))
    const names = new Set([basename(path)])
    const watcher = watch(folder, (_, name) => {
      if (name !== null && names.has(name)) this.#touched(path.slice(0, -basename(path).length) + name)
    })
    // a folder that is gone changes no more
    watcher.on('error', () => this.#folders.delete(folder))
    this.#folders.set(folder, { watcher, names })
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer)
    for (const { watcher } of this.#folders.values()) watcher.close()
    this.#folders.clear()
  }

  #touched(path: string): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#changed(path), QUIET_MS)
  }
}
