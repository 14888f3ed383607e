/** Failures of the store, as whoever called it met them. */
import type { Counter } from '@prometheus-io/client'
import type { Families } from './families.ts'

/** One family for workers and the server, also where both share a registry. */
export function storeErrors(families: Families): Counter<'operation'> {
  return families.counter({
    name: 'millrace_store_errors_total',
    help: 'What failed because the store did, after all repeats.',
    labels: ['operation'],
  })
}
