/**
 * What `millrace demo` runs: one task per file, one per package after its files, one report after all packages.
 * Finding and measuring files is plain code beside this; here is all that makes it a job that survives kill -9.
 */
import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import {
  defineTask,
  NonRetryableError,
  taskId,
  unchecked,
  type Draft,
  type Mill,
  type TaskHandle,
} from 'millrace'
import { bytesOf, listFiles, pathOf, type Name, type Selection } from './files.ts'
import { measure, sum, type Measure, type Sums } from './measure.ts'

const file = defineTask('catalogue.file', {
  input: unchecked<{ folder: string; name: Name }>(),
  output: unchecked<Measure & { name: Name }>(),
  timeout: '1d',
})
const pack = defineTask('catalogue.package', {
  input: unchecked<Name>(),
  output: unchecked<Sums & { failed: number; digests: { name: Name; sha256: string }[] }>(),
})
const report = defineTask('catalogue.report', {
  input: unchecked<{ folder: string; pattern: string }>(),
  output: unchecked<Sums & { files: number; packages: number; failed: number; digest: string }>(),
})
/** Stands for a run: it is held, so that it never starts, and there is one at a time for a folder and pattern. */
const run = defineTask('catalogue.run', {
  input: unchecked<{ folder: string; pattern: string }>(),
  unique: { key: ({ folder, pattern }) => taskId(folder, pattern) },
})

export const handlers = [
  file.handler(async ({ folder, name }, ctx) => {
    const measured = await measure(pathOf(folder, name), ctx.signal).catch(giveUp)
    return { ...measured, name }
  }),
  pack.handler(async (_, ctx) => {
    const files = await ctx.results(file)
    const digests = files.map(({ name, sha256 }) => ({ name, sha256 }))
    return { ...sum(files), failed: ctx.task.after.length - files.length, digests }
  }),
  report.handler(async (_, ctx) => {
    const parts = await ctx.results(pack)
    const lines = parts.flatMap((part) => part.digests.map((one) => ({ ...one, path: bytesOf(one.name) })))
    const hash = createHash('sha256')
    for (const { sha256, path } of lines.sort((a, b) => a.path.compare(b.path))) {
      hash.update(`${sha256}  `).update(path).update('\n')
    }
    const failed = parts.reduce((total, part) => total + part.failed, 0)
    const packages = Number(ctx.task.metadata['packages'])
    return { files: lines.length, ...sum(parts), packages, failed, digest: hash.digest('hex') }
  }),
]

type Run = { run: string; report: TaskHandle; resumed: boolean }

/**
 * Starts to catalogue a folder, or goes on where an unfinished run was: ids made from names make every step of it
 * harmless to repeat. The run is over when somebody removes the task `run`.
 */
export async function catalogue(mill: Mill, selection: Selection): Promise<Run> {
  const source = { folder: await realpath(selection.folder), pattern: selection.pattern }
  const { id, outcome } = await mill.enqueue(run, source, { held: true })
  const resumed = outcome === 'duplicate'
  const handle = mill.handle(report, taskId(id, 'report'))
  if ((await mill.tasks.get(handle.id)) !== undefined) return { run: id, report: handle, resumed }
  const { parts, ...counts } = await listFiles({ ...selection, ...source })
  const drafts: Draft[] = []
  const last = parts.map((part) => {
    const ids = part.files.map((name) => taskId(id, 'file', JSON.stringify(name)))
    for (const [i, name] of part.files.entries()) {
      const tags = name.folder ? [id, 'folder'] : [id]
      drafts.push(file.with({ folder: source.folder, name }, { id: ids[i], tags }))
    }
    const after = ids.map((task) => ({ task, ifFailed: 'run' as const }))
    const draft = pack.with(part.owner, { id: taskId(id, 'package', ...ids), after, tags: [id] })
    drafts.push(draft)
    return { task: draft, ifFailed: 'fail' as const }
  })
  for (let from = 0; from < drafts.length; from += 1_000) {
    await mill.enqueueMany(drafts.slice(from, from + 1_000), { atomic: true })
  }
  const told = Object.entries({ ...counts, tasks: drafts.length + 1 })
  const metadata = Object.fromEntries(told.map(([name, count]) => [name, String(count)]))
  await mill.enqueue(report, source, { id: handle.id, after: last, tags: [id], metadata })
  return { run: id, report: handle, resumed }
}

/** A file that cannot be read now cannot be read in a second either, unless only handles were short. */
function giveUp(error: NodeJS.ErrnoException): never {
  if (/^(EMFILE|ENFILE|EIO)$/.test(error.code ?? '')) throw error
  throw new NonRetryableError(error.message.replace(/, \w+ '.*$/s, ''), { cause: error })
}
