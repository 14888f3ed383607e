/**
 * Preloaded by the tests into every process and thread: there Node loads what was built instead of the packages'
 * sources (vitest loads sources by itself and never comes by here). Threads that strip types would do it by
 * WebAssembly, and V8 ends a process now and then when hundreds of them come and go (nodejs/node#64500);
 * and what was built is what users run.
 */
import { registerHooks } from 'node:module'

const SOURCE = /\/(packages\/\w+)\/src\/(.+)\.ts$/

registerHooks({
  resolve(specifier, context, nextResolve) {
    const found = nextResolve(specifier, context)
    if (found.url.includes('/node_modules/')) return found
    return { ...found, url: found.url.replace(SOURCE, '/$1/dist/$2.js'), format: undefined }
  },
})
