/** The door to modules that are started by their address: threads, processes, and what a thread imports. */
import { existsSync } from 'node:fs'
import { InvalidArgumentError } from '../task/errors.ts'

const HINT =
  'Millrace was bundled without it. Keep its packages out of the bundle (esbuild: --packages=external; Next.js: serverExternalPackages), or make that module an entry of the same bundle, of the format esm: docs/bundling.md.'

/**
 * The address of a module that lies beside the one that asks. A bundler does not see that it is needed: whoever bundles
 * is told so, before a thread on a module that is not there fails in words of its own.
 *
 * @param asking its `import.meta.url`, which is empty in a bundle of the format CommonJS
 * @param name without its ending: sources lie beside sources, what was built beside what was built
 * @throws InvalidArgumentError if it is not there
 */
export function besideModule(asking: string | undefined, name: string): URL {
  if (asking === undefined) throw missing(name, 'a CommonJS bundle does not say where it is')
  const found = new URL(`./${name}${asking.endsWith('.ts') ? '.ts' : '.js'}`, asking)
  if (found.protocol === 'file:' && !existsSync(found)) throw missing(name, `there is no ${found.pathname}`)
  return found
}

function missing(name: string, why: string): InvalidArgumentError {
  return new InvalidArgumentError(`The module ${name} of Millrace is not found: ${why}.`, { hint: HINT })
}
