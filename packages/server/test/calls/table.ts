/** What calls do, over every transport alike. */
import { ACTING } from './acting.ts'
import { AROUND } from './around.ts'
import { ENQUEUING } from './enqueuing.ts'
import { LOOKING } from './looking.ts'
import type { CallCase } from './making.ts'

export const CASES: readonly CallCase[] = [...ENQUEUING, ...LOOKING, ...ACTING, ...AROUND]
