/** What the schedules enqueue, and what a child is told. */
import { defineTask, unchecked } from 'millrace'

export interface Job {
  /** The URL of the store. */
  readonly place: string
}

export const beat = defineTask('beat', { input: unchecked<{ of: string }>(), retry: false })
