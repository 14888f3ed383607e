/** One version for all packages, exact ones of everything else, and a whole package.json for each. */
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { manifestIn, PACKAGES, ROOT, type Manifest } from './packed.ts'

const PUBLISHED = PACKAGES.map((folder) => `packages/${folder}`)
const WORKSPACES = [...PUBLISHED, 'bench', 'examples']

const readJson = <T>(...path: readonly string[]): T => JSON.parse(readFileSync(join(...path), 'utf8')) as T

/** The versions that manifests name of the packages, and of themselves. */
function versionsIn(root: string): readonly string[] {
  return WORKSPACES.flatMap((folder) => {
    const { version, dependencies, devDependencies } = readJson<Manifest>(root, folder, 'package.json')
    const named = Object.entries({ ...dependencies, ...devDependencies })
    return [version, ...named.filter(([name]) => /^(@millrace\/|millrace$)/.test(name)).map(([, one]) => one)]
  })
}

test('all packages have one version, and name each other by it', () => {
  expect([...new Set(versionsIn(ROOT))]).toEqual([manifestIn('packages/core').version])
})

test('a changeset of one package moves all of them', async () => {
  const copy = mkdtempSync(join(tmpdir(), 'millrace-versions-'))
  try {
    const files = WORKSPACES.map((folder) => `${folder}/package.json`)
    for (const file of ['package.json', 'package-lock.json', '.changeset/config.json', ...files]) {
      mkdirSync(dirname(join(copy, file)), { recursive: true })
      cpSync(join(ROOT, file), join(copy, file))
    }
    const [major = '', minor = ''] = manifestIn('packages/core').version.split('.')
    writeFileSync(join(copy, '.changeset/one.md'), `---\n'@millrace/redis': minor\n---\n\nA word.\n`)
    const changeset = join(ROOT, 'node_modules/@changesets/cli/bin.js')
    await promisify(execFile)(process.execPath, [changeset, 'version'], { cwd: copy })
    expect([...new Set(versionsIn(copy))]).toEqual([`${major}.${Number(minor) + 1}.0`])
  } finally {
    rmSync(copy, { recursive: true })
  }
})

describe.each(['.', ...WORKSPACES])('%s', (folder) => {
  test('names exact versions', () => {
    const { dependencies, devDependencies } = manifestIn(folder)
    const named = Object.entries({ ...dependencies, ...devDependencies })
    expect(named.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([])
  })
})

describe.each(PUBLISHED)('%s', (folder) => {
  const manifest = manifestIn(folder)

  test('has no script, so none is run by an install', () => expect(manifest.scripts).toBeUndefined())

  test('says all that a registry shows', () => {
    expect(manifest).toMatchObject({
      description: expect.stringMatching(/^.{20,120}$/) as unknown,
      license: 'MIT',
      author: 'The Millrace authors',
      type: 'module',
      sideEffects: false,
      engines: manifestIn('.').engines,
    })
    expect(manifest.private).toBeUndefined()
    expect(manifest.keywords).toEqual(expect.arrayContaining(['job queue', 'task queue', 'typescript']))
    expect(manifest.files.slice(0, 2)).toEqual(['dist', 'src'])
  })

  test('each entry leads to the sources, the types, and what was built, in this order', () => {
    const entries = Object.entries(manifest.exports).filter(([name]) => name !== './package.json')
    expect(manifest.exports['./package.json']).toBe('./package.json')
    for (const [, conditions] of entries)
      expect(Object.keys(conditions as object)).toEqual(['@millrace/source', 'types', 'default'])
  })
})

test('the lock names no registry', () => {
  const { packages } = readJson<{ packages: Record<string, { resolved?: string }> }>(
    ROOT,
    'package-lock.json',
  )
  const resolved = Object.values(packages).flatMap((entry) => entry.resolved ?? [])
  expect(resolved.toSorted()).toEqual(WORKSPACES.toSorted())
})
