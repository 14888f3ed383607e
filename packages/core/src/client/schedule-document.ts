/** What core writes down of a schedule, and the runs that come of it. */
import { jitterOf, type Missed, type Plan } from '../policy/schedule.ts'
import { StoreError } from '../task/errors.ts'
import { taskId } from '../task/ids.ts'
import { SCHEDULE_HEADER } from '../task/scheduled.ts'
import type { Overlap } from '../store/schedules.ts'
import type { Payload, TaskId, TaskSpec } from '../store/records.ts'

export interface ScheduleDocument {
  readonly plan: Plan
  readonly missed: Missed
  readonly overlap: Overlap
  readonly jitterMs: number
  /** Whose code declared it; `null`: it was put by hand. */
  readonly declaredBy: string | null
  /** The task of each run, but for what tells the runs apart. */
  readonly template: Template
}

export type Template = Omit<TaskSpec, 'id' | 'idMadeBy' | 'due' | 'after'>

/** Which form the document has; a newer one may say what this code cannot obey. */
const FORM = 1

type Written = Omit<ScheduleDocument, 'template'> & {
  readonly form: number
  readonly template: Omit<Template, 'payload'> & { readonly payload: string | { readonly hex: string } }
}

export function writeDocument(document: ScheduleDocument): string {
  const { payload } = document.template
  const template = {
    ...document.template,
    payload: typeof payload === 'string' ? payload : { hex: hexOf(payload) },
  }
  const written: Written = { form: FORM, ...document, template }
  return JSON.stringify(written)
}

/** @throws StoreError if a newer version wrote it, or something that is none */
export function readDocument(text: string, name: string): ScheduleDocument {
  const document = parsed(text)
  if (document === undefined)
    throw new StoreError(
      'store-corrupt',
      `What is kept of the schedule ${JSON.stringify(name)} is no schedule.`,
      {
        effect: 'final',
        hint: 'Put it anew, or remove it.',
      },
    )
  const { form, ...written } = document
  if (form !== FORM) {
    throw new StoreError('store-schema', `The schedule ${name} was written by a newer version of Millrace.`, {
      effect: 'final',
      hint: 'Update this one.',
    })
  }
  const { payload } = written.template
  const template = {
    ...written.template,
    payload: typeof payload === 'string' ? payload : bytesOf(payload.hex),
  }
  return { ...written, template }
}

/** The task id of one run: the same in every process, so that a fire time is run once. */
function runId(name: string, fireAt: number): TaskId {
  return taskId('millrace.schedule', name, String(fireAt))
}

/** The run of a fire time. */
export function runAt({ template, jitterMs }: ScheduleDocument, name: string, fireAt: number): TaskSpec {
  const id = runId(name, fireAt)
  return runOf(template, { id, name, fireAt, dueAt: fireAt + jitterOf(id, jitterMs) })
}

interface Occasion {
  readonly id: TaskId
  readonly name: string
  readonly fireAt: number
  readonly dueAt: number
}

export function runOf(template: Template, { id, name, fireAt, dueAt }: Occasion): TaskSpec {
  const headers = { ...template.headers, [SCHEDULE_HEADER]: JSON.stringify({ name, at: fireAt }) }
  return { ...template, headers, id, idMadeBy: 'user', due: { at: dueAt }, after: [] }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function bytesOf(hex: string): Payload {
  return Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}

/** `undefined`: it is no document of any version. */
function parsed(text: string): Written | undefined {
  try {
    const document = JSON.parse(text) as Partial<Written> | null
    return typeof document?.form === 'number' ? (document as Written) : undefined
  } catch {
    return undefined
  }
}
