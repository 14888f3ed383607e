/** Where the example that the demo runs is, and what the demo needs of it. */
import { existsSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mill, TaskHandle } from '@millrace/core'

export interface Selection {
  readonly folder: string
  readonly pattern: string
  readonly skip: readonly string[]
}

export interface Run {
  /** The id of the task that stands for it. */
  readonly run: string
  readonly report: TaskHandle
  /** Whether an earlier process began it. */
  readonly resumed: boolean
}

/** What `examples/catalogue.ts` exports. */
export interface Example {
  catalogue(mill: Mill, selection: Selection): Promise<Run>
}

/** The types of the example's tasks. */
export const TASKS = {
  run: 'catalogue.run',
  file: 'catalogue.file',
  package: 'catalogue.package',
  report: 'catalogue.report',
} as const

/** Marks those of the file tasks that stand for a folder which cannot be read. */
export const FOLDER_TAG = 'folder'

/** In the repository it is `examples/catalogue.ts`; the build compiles that file into the package. */
const SOURCE = fileURLToPath(new URL('../../../../../examples/catalogue.ts', import.meta.url))
const BUILT = fileURLToPath(new URL('../../examples/catalogue.js', import.meta.url))

/** The module that the workers load. */
export const EXAMPLE_FILE: string = import.meta.url.endsWith('.ts') ? SOURCE : BUILT

export async function loadExample(): Promise<Example> {
  return (await import(EXAMPLE_FILE)) as Example
}

/** The file to read, as seen from the current folder. */
export function readableExample(): string {
  const inRepository = /[/\\]packages[/\\]millrace[/\\]/.test(import.meta.filename) && existsSync(SOURCE)
  return relative(process.cwd(), inRepository ? SOURCE : BUILT)
}
