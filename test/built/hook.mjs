/**
 * Preloaded by the tests into every process and thread: there Node loads what was built instead of the packages'
 * sources (vitest loads sources by itself and never comes by here). Threads that strip types would do it by
 * WebAssembly, and V8 ends a process now and then when hundreds of them come and go (nodejs/node#64500);
 * and what was built is what users run.
 */
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import process from 'node:process'

const SOURCE = /\/(packages\/\w+)\/src\/(.+)\.ts$/
/** The thread that a test starts itself is one file (`setup.ts`), as where users bundle. In processes that it starts it lies beside the rest. */
const SQLITE_THREAD = /\/packages\/sqlite\/src\/sqlite-thread\.ts$/
const folder = process.env['MILLRACE_TEST_RUN']
const bundled = folder === undefined ? undefined : pathToFileURL(join(folder, 'sqlite-thread.mjs')).href

registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context)
    if (found.url.includes('/node_modules/')) return found
    if (bundled !== undefined && SQLITE_THREAD.test(found.url))
      return { ...found, url: bundled, format: 'module' }
    return { ...found, url: found.url.replace(SOURCE, '/$1/dist/$2.js'), format: undefined }
  },
})
