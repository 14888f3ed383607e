/** Millrace's handler, in a module of its own: a task that is suspected of killing processes is run by one that imports it. */
import { defineTask, unchecked } from 'millrace'
import { run, type CrashTask } from '../task.ts'

export const crashTask = defineTask('crash', { input: unchecked<CrashTask>() })

export const crashHandler = crashTask.handler(run)
