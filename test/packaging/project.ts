/** An empty project outside of the repository, in which the packed packages are installed as a user installs them. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { pack, type PackedPackage } from './packed.ts'
import { startRegistry } from './registry.ts'

const run = promisify(execFile)
/** What npm, vitest and proxies leave in the environment is not there in a user's shell. */
const OURS = /^(npm_|node_|vitest|https?_proxy$|all_proxy$|millrace_|init_cwd$)/i

export class Project implements Disposable {
  readonly folder: string
  readonly packed: readonly PackedPackage[]
  readonly #env: NodeJS.ProcessEnv

  private constructor(place: string, packed: readonly PackedPackage[]) {
    this.folder = join(place, 'project')
    this.packed = packed
    const kept = Object.entries(process.env).filter(([name]) => !OURS.test(name))
    this.#env = {
      ...Object.fromEntries(kept),
      npm_config_cache: join(place, 'cache'),
      npm_config_userconfig: join(place, 'npmrc'),
    }
  }

  /** Packs, and installs all packages and what else is named. */
  static async make(...others: readonly string[]): Promise<Project> {
    const place = mkdtempSync(join(tmpdir(), 'millrace-project-'))
    const packed = await pack(place)
    const project = new Project(place, packed)
    mkdirSync(project.folder)
    writeFileSync(join(project.folder, 'package.json'), '{ "private": true }')
    await using registry = await startRegistry(packed)
    const names = packed.map(({ manifest }) => manifest.name)
    const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--registry', registry.url]
    await project.run('npm', 'install', ...quiet, ...names, ...others)
    cpSync(join(import.meta.dirname, 'project'), project.folder, { recursive: true })
    return project
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts)
  }

  write(name: string, text: string): void {
    writeFileSync(this.path(name), text)
  }

  /** Runs a program in the project's folder and answers what it printed. */
  async run(program: string, ...args: readonly string[]): Promise<string> {
    const options = { cwd: this.folder, env: this.#env, maxBuffer: 2 ** 26 }
    try {
      return (await run(program, args, options)).stdout
    } catch (error) {
      const { stdout, stderr } = error as { readonly stdout: string; readonly stderr: string }
      throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`, { cause: error })
    }
  }

  node(...args: readonly string[]): Promise<string> {
    return this.run(process.execPath, ...args)
  }

  [Symbol.dispose](): void {
    rmSync(join(this.folder, '..'), { recursive: true, force: true, maxRetries: 5 })
  }
}
