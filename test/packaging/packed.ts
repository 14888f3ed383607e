/** What would be published: the tarballs of `npm pack`. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const ROOT: string = join(import.meta.dirname, '../..')
/** The folders of the published packages. */
export const PACKAGES = ['core', 'sqlite', 'postgres', 'redis', 'server', 'millrace'] as const

/** What we read of a package.json. */
export interface Manifest {
  readonly name: string
  readonly version: string
  readonly private?: boolean
  readonly description: string
  readonly keywords: readonly string[]
  readonly license: string
  readonly author: string
  readonly type: string
  readonly sideEffects: boolean
  readonly files: readonly string[]
  readonly exports: Readonly<Record<string, unknown>>
  readonly engines: Readonly<Record<string, string>>
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export interface PackedPackage {
  /** Its folder below packages/. */
  readonly folder: string
  readonly manifest: Manifest
  readonly integrity: string
  /** The paths of its files. */
  readonly files: readonly string[]
  tarball(): Promise<Buffer>
}

interface PackReport {
  readonly name: string
  readonly filename: string
  readonly integrity: string
  readonly files: readonly { readonly path: string }[]
}

export function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')) as Manifest
}

/** Packs the packages into the folder `to`. They must be built. */
export async function pack(to: string): Promise<readonly PackedPackage[]> {
  const workspaces = PACKAGES.flatMap((folder) => ['--workspace', `packages/${folder}`])
  const args = ['pack', '--json', '--pack-destination', to, ...workspaces]
  const { stdout } = await promisify(execFile)('npm', args, { cwd: ROOT, maxBuffer: 2 ** 26 })
  const reports = JSON.parse(stdout) as readonly PackReport[]
  return PACKAGES.map((folder) => {
    const manifest = manifestIn(`packages/${folder}`)
    const report = reports.find(({ name }) => name === manifest.name)
    if (report === undefined) throw new Error(`npm pack made nothing of ${manifest.name}.`)
    const { integrity, files, filename } = report
    return {
      folder,
      manifest,
      integrity,
      files: files.map(({ path }) => path),
      tarball: () => readFile(join(to, filename)),
    }
  })
}
