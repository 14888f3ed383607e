/** What workers have published of their definitions, for producers that have only the name of a task. */
export { definitionOf, uniqueOf, type KnownDefinition } from './definitions.ts'
export { checkFit, type Published } from './fitting.ts'
export type { GivenKeys } from './flow.ts'
export { nearest } from './nearest.ts'
export { checkReplacement, type Replaced } from './replacing.ts'
export { DefinitionError, type Trouble } from './trouble.ts'
