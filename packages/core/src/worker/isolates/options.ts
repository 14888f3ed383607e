/** What a worker is told of isolates, checked. */
import { moduleUrl } from '../../platform/module-url.ts'
import { checkEntry } from '../../platform/vessel.ts'
import { durationMs, type Duration } from '../../task/duration.ts'
import { InvalidArgumentError } from '../../task/errors.ts'
import type { AnyHandler } from '../../task/handler.ts'
import { checkMembers, type Members } from '../../task/members.ts'
import { shown } from '../../task/shown.ts'

/** Threads and processes for handlers with `runIn`, and how many of them. */
export interface IsolateOptions {
  /**
   * The module that exports the handlers, or several: a URL, or a path from the current folder. Each isolate imports it: each
   * export that is a handler, or a list of them, or where there is none a function that answers them.
   */
  readonly module: URL | string | readonly (URL | string)[]
  /** Threads at most, of one limit of memory. Default: as many as run at the same time. */
  readonly threads?: number | undefined
  /** Processes at most, of the same limits and environment. Default: as many as run at the same time. */
  readonly processes?: number | undefined
  /** After so many tasks an isolate is followed by a new one. Default 1 000. */
  readonly tasksMax?: number | undefined
  /** An isolate without work is ended after so long. Default 30 s. */
  readonly idle?: Duration | undefined
}

export interface ResolvedIsolates {
  /** URLs. */
  readonly modules: readonly string[]
  readonly threads: number
  readonly processes: number
  readonly tasksMax: number
  readonly idleMs: number
}

const MEMBERS: Members<IsolateOptions> = {
  module: true,
  threads: true,
  processes: true,
  tasksMax: true,
  idle: true,
}
const COUNT_MAX = 10_000
const TASKS_MAX_DEFAULT = 1_000
const MODULE_HINT = "isolates: { module: new URL('./handlers.js', import.meta.url) }"

/**
 * @param concurrency how many isolates there may be at most, unless it is said
 * @throws InvalidArgumentError
 */
export function resolveIsolates(
  options: IsolateOptions | undefined,
  handlers: Iterable<AnyHandler>,
  concurrency: number,
): ResolvedIsolates | undefined {
  if (options === undefined) {
    for (const { task, options: how } of handlers)
      if (needsIsolate(how.runIn)) throw missing(task.name, how.runIn!)
    return undefined
  }
  checkMembers(options, MEMBERS, 'isolates')
  checkEntry('thread')
  checkEntry('process')
  const { threads = concurrency, processes = concurrency, tasksMax = TASKS_MAX_DEFAULT, idle } = options
  return {
    modules: modulesOf(options.module),
    threads: checkedCount(threads, 'isolates.threads', COUNT_MAX),
    processes: checkedCount(processes, 'isolates.processes', COUNT_MAX),
    tasksMax: checkedCount(tasksMax, 'isolates.tasksMax', Number.MAX_SAFE_INTEGER),
    idleMs: durationMs(idle ?? '30s', 'isolates.idle'),
  }
}

function needsIsolate(runIn: AnyHandler['options']['runIn']): boolean {
  return runIn === 'thread' || runIn === 'process'
}

function missing(name: string, runIn: string): InvalidArgumentError {
  return new InvalidArgumentError(
    `The handler of ${name} runs in a ${runIn}, but the worker has no isolates.`,
    {
      hint: `Say which module exports it, for a ${runIn} to import: ${MODULE_HINT}`,
    },
  )
}

function modulesOf(given: unknown): readonly string[] {
  const modules: readonly unknown[] = Array.isArray(given) ? given : [given]
  if (modules.length === 0) throw noModule('an empty list')
  return modules.map((module) => {
    if (module instanceof URL) return moduleUrl(module)
    if (typeof module === 'string' && module !== '') return moduleUrl(module)
    throw noModule(shown(module))
  })
}

function noModule(what: string): InvalidArgumentError {
  return new InvalidArgumentError(`isolates.module is ${what}.`, {
    hint: `It is the URL of the module that exports the handlers, or its path: ${MODULE_HINT}`,
  })
}

function checkedCount(count: number, what: string, most: number): number {
  if (Number.isInteger(count) && count >= 1 && count <= most) return count
  throw new InvalidArgumentError(`${what} is ${shown(count)}.`, { hint: 'It is a whole number, at least 1.' })
}
