/**
 * An npm registry on the loopback: what was packed here, and of everybody else's packages what the lock has brought to
 * node_modules. So `npm install` is the real one, and needs no network.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { AddressInfo } from 'node:net'
import { ROOT, type PackedPackage } from './packed.ts'

export interface Registry extends AsyncDisposable {
  readonly url: string
}

interface Release {
  readonly manifest: { readonly name: string; readonly version: string }
  readonly integrity?: string | undefined
  tarball(): Promise<Buffer>
}

const run = promisify(execFile)

export async function startRegistry(packed: readonly PackedPackage[]): Promise<Registry> {
  const installed = installedFolders()
  const server = createServer((request, response) => {
    const [name = '', version] = decodeURIComponent(request.url ?? '')
      .slice(1)
      .split('/-/')
    const own = packed.filter((one) => one.manifest.name === name)
    const releases = own.length > 0 ? own : (installed.get(name) ?? []).map(releaseIn)
    const chosen = releases.find(({ manifest }) => `${manifest.version}.tgz` === version)
    const answer = version === undefined ? packument(releases, url()) : chosen?.tarball()
    void respond(response, Promise.resolve(answer))
  })
  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: url(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function respond(
  response: ServerResponse,
  answer: Promise<Buffer | string | undefined>,
): Promise<void> {
  try {
    const body = await answer
    response.statusCode = body === undefined ? 404 : 200
    response.end(body)
  } catch (error) {
    response.statusCode = 500
    response.end(String(error))
  }
}

function packument(releases: readonly Release[], url: string): string | undefined {
  const name = releases[0]?.manifest.name
  if (name === undefined) return undefined
  const versions = releases.map(({ manifest, integrity }) => {
    const tarball = `${url}/${encodeURIComponent(name)}/-/${manifest.version}.tgz`
    return [manifest.version, { ...manifest, dist: { tarball, integrity } }] as const
  })
  return JSON.stringify({
    name,
    'dist-tags': { latest: versions.at(-1)?.[0] },
    versions: Object.fromEntries(versions),
  })
}

/** The folders of node_modules that hold a package, by its name. */
function installedFolders(): ReadonlyMap<string, readonly string[]> {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, unknown>>
  }
  const folders = Object.keys(lock.packages)
    .filter((path) => path.includes('node_modules/'))
    .map((path) => join(ROOT, path))
    .filter((path) => existsSync(join(path, 'package.json')))
  return Map.groupBy(folders, (path) =>
    path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length),
  )
}

function releaseIn(folder: string): Release {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Release['manifest']
  return {
    manifest,
    // npm leaves the first folder of every path away, whatever its name
    async tarball() {
      const args = ['-cz', '--exclude=*/node_modules', '-C', dirname(folder), basename(folder)]
      const { stdout } = await run('tar', args, { encoding: 'buffer', maxBuffer: 2 ** 26 })
      return stdout
    },
  }
}
