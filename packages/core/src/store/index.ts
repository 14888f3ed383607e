/** For authors of backends: the port, and what it speaks of. */
export type * from './port.ts'
export type * from './control.ts'
export type * from './inspection.ts'
export type * from './records.ts'
export type * from './settlement.ts'
