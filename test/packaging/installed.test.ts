/** The packages as they are published, packed and installed in an empty project, by who has nothing else. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { PACKAGES, ROOT } from './packed.ts'
import { Project } from './project.ts'
import type { Played } from './project/play.mts'

let project: Project
beforeAll(async () => {
  // fast-check: what the model of core asks for beside itself
  project = await Project.make('zod', 'fast-check', '@opentelemetry/api')
}, 120_000)
afterAll(() => project[Symbol.dispose]())

const entries = (): readonly string[] =>
  project.packed.flatMap(({ manifest }) =>
    Object.keys(manifest.exports)
      .filter((entry) => entry !== './package.json')
      .map((entry) => join(manifest.name, entry)),
  )

describe('what is in a package', () => {
  test.each(PACKAGES)(
    '%s has all that its entries name, a readme and the licence, and no tests',
    (folder) => {
      const { files, manifest } = packedOf(folder)
      expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE']))
      const named = Object.values(manifest.exports).flatMap((target) =>
        typeof target === 'string' ? [target] : Object.values(target as Record<string, string>),
      )
      expect(named.filter((target) => !files.includes(target.slice('./'.length)))).toEqual([])
      expect(files.filter((path) => /\.test|tsbuildinfo|^(?!src|dist|proto)[^/]+\//.test(path))).toEqual([])
    },
  )

  test.each(PACKAGES)('publint finds nothing in %s', async (folder) => {
    const tarball = new Uint8Array(await packedOf(folder).tarball()).buffer
    const { messages, pkg } = await publint({ strict: true, pack: { tarball } })
    expect(messages.map((message) => formatMessage(message, pkg as object))).toEqual([])
  })

  test.each(PACKAGES)('the types of %s are right, from ES modules and by require', async (folder) => {
    const tarball = createPackageFromTarballData(await packedOf(folder).tarball())
    const result = await checkPackage(tarball)
    if (result.types === false) throw new Error('There are no types.')
    const problems = result.problems.filter((problem) => {
      // ES modules only: Node takes them by require as well, and `node10` knows no `exports`
      if (problem.kind === 'CJSResolvesToESM') return false
      return !('resolutionKind' in problem && problem.resolutionKind === 'node10')
    })
    expect(problems).toEqual([])
  })
})

describe('in an empty project', () => {
  test('no package needs a script when it is installed', () => {
    const lock = JSON.parse(readFileSync(project.path('package-lock.json'), 'utf8')) as {
      readonly packages: Readonly<Record<string, { readonly hasInstallScript?: boolean }>>
    }
    expect(Object.keys(lock.packages)).toEqual(expect.arrayContaining(['node_modules/@millrace/core']))
    const scripted = Object.entries(lock.packages).filter(([, { hasInstallScript }]) => hasInstallScript)
    // comes with gRPC; all that its script does is to look at how versions are written in package.json
    expect(scripted.map(([path]) => path)).toEqual(['node_modules/protobufjs'])
  })

  test('every entry gives the same by import and by require', async () => {
    const names = JSON.stringify(entries())
    const body = `const found = []
      for (const entry of ${names}) found.push([entry, Object.keys(await load(entry)).sort()])
      console.log(JSON.stringify(found))`
    project.write('all.mjs', `const load = (entry) => import(entry)\n${body}`)
    project.write('all.cjs', `const load = require\nvoid (async () => {${body}})()`)
    const [imported, required] = (await Promise.all(
      ['all.mjs', 'all.cjs'].map(async (file) => JSON.parse(await project.node(file)) as unknown),
    )) as [readonly (readonly [string, readonly string[]])[], unknown]
    expect(imported.map(([entry]) => entry)).toEqual(expect.arrayContaining(['millrace', 'millrace/redis']))
    expect(imported.filter(([, exported]) => exported.length === 0)).toEqual([])
    expect(required).toEqual(imported)
  })

  test('a worker runs handlers everywhere and keeps its lease, imported and required', async () => {
    const plays = [
      ['esm.mts', 'sqlite:esm.db'],
      ['cjs.cts', 'sqlite:cjs.db'],
    ]
    const printed = await Promise.all(plays.map((args) => project.node(...args)))
    const played = printed.flatMap((text) => JSON.parse(text) as Played[])
    expect(played).toHaveLength(2)
    for (const { greeting, attempt, thread, process: child, pid } of played) {
      expect({ greeting, attempt, thread }).toEqual({
        greeting: 'Hello Ada',
        attempt: 1,
        thread: `${pid} thread`,
      })
      expect(child).toMatch(/^\d+ main$/)
      expect(child).not.toBe(`${pid} main`)
    }
  }, 60_000)

  test('the command line works', async () => {
    const millrace = (...args: readonly string[]): Promise<string> =>
      project.run(project.path('node_modules/.bin/millrace'), ...args)
    await millrace('enqueue', '--force', 'greet', '{"name":"Ada"}')
    await millrace('worker', '--until-idle', 'handlers.mts')
    const task = JSON.parse(await millrace('tasks', '--json')) as unknown
    expect(task).toMatchObject({ type: 'greet', state: 'succeeded' })
    expect((await millrace('--version')).trim()).toBe(packedOf('millrace').manifest.version)
  }, 30_000)

  test('a strict compiler finds all types, without the types of any driver', async () => {
    const imports = entries().map(
      (entry, i) => `import * as m${i} from '${entry}'\nexport const e${i} = m${i}`,
    )
    project.write('types.mts', imports.join('\n'))
    project.write('types.cts', imports.join('\n'))
    const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')]
    const strict = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--allowImportingTsExtensions']
    const target = ['--target', 'es2025', '--lib', 'es2025,esnext', '--module', 'nodenext']
    const files = ['types.mts', 'types.cts', 'esm.mts', 'cjs.cts']
    const tsc = join(ROOT, 'node_modules/.bin/tsc')
    expect(await project.run(tsc, ...strict, ...target, ...types, ...files)).toBe('')
  }, 60_000)
})

function packedOf(folder: (typeof PACKAGES)[number]): Project['packed'][number] {
  return project.packed[PACKAGES.indexOf(folder)]!
}
