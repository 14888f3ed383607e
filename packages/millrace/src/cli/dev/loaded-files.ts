/** Inside a worker process of `millrace dev`: tells the one that watches which files of the project it has loaded. */
import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { messageOf } from '../supervision/line.ts'

/** From now on: what was loaded before is the library. */
export function reportLoadedFiles(): void {
  registerHooks({
    load(url, context, nextLoad) {
      if (url.startsWith('file:')) report(fileURLToPath(url.replace(/[?#].*$/, '')))
      return nextLoad(url, context)
    },
  })
}

function report(path: string): void {
  if (/[/\\]node_modules[/\\]/.test(path) || !process.connected) return
  process.send?.(messageOf({ loaded: path }), () => undefined) // one that cannot hear it is gone, and this one is to end
}
