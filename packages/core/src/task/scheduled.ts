/** How a task knows which schedule it is a run of: by a header, so that no store has to. */

/** What a run is told about its schedule. */
export interface Scheduled {
  readonly name: string
  /** The fire time that it stands for, which may be long before it runs; of one that was triggered by hand, when that was. */
  readonly at: Date
}

export const SCHEDULE_HEADER = 'millrace-schedule'

/** `undefined` for a task that is no run of a schedule. */
export function scheduledBy(headers: Readonly<Record<string, string>>): Scheduled | undefined {
  const text = headers[SCHEDULE_HEADER]
  if (text === undefined) return undefined
  try {
    const { name, at } = JSON.parse(text) as { readonly name: string; readonly at: number }
    return { name, at: new Date(at) }
  } catch {
    // a header of somebody else's
    return undefined
  }
}
