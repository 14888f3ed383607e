/** Running the production code on virtual time, with faults that one seed draws. */
export { NO_FAULTS, simulateProcess } from './process.ts'
export type { Faults, ProcessParts, SimulatedProcess } from './process.ts'
export { seededRandom } from './random.ts'
export type { SeededRandom } from './random.ts'
export { VirtualTime } from './virtual-time.ts'
