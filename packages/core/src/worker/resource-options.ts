/** What a worker is told of its machine, checked. */
import { InvalidArgumentError } from '../task/errors.ts'
import { checkMembers, type Members } from '../task/members.ts'
import { shown } from '../task/shown.ts'
import type { ResourceBudget } from '../policy/admission.ts'

/** What a worker should keep to; it claims less when it comes near. */
export interface ResourceOptions {
  /** Most memory that its process should take, in MiB. Default: whatever it takes. */
  readonly memoryMb?: number | undefined
  /** Most processor time, in processors: 1.5 is one and a half. Default: whatever it takes. */
  readonly cpu?: number | undefined
}

const MEMBERS: Members<ResourceOptions> = { memoryMb: true, cpu: true }

/** @throws InvalidArgumentError */
export function checkedBudget(options: ResourceOptions | undefined): ResourceBudget | undefined {
  if (options === undefined) return undefined
  checkMembers(options, MEMBERS, 'budget')
  const checked = (amount: number | undefined, what: string): number | null => {
    if (amount === undefined) return null
    if (typeof amount === 'number' && amount > 0 && amount < Infinity) return amount
    throw new InvalidArgumentError(`${what} is ${shown(amount)}.`, { hint: 'It is a number above 0.' })
  }
  const budget = {
    memoryMb: checked(options.memoryMb, 'budget.memoryMb'),
    cpu: checked(options.cpu, 'budget.cpu'),
  }
  if (budget.memoryMb !== null || budget.cpu !== null) return budget
  throw new InvalidArgumentError('The budget says nothing.', {
    hint: 'budget: { memoryMb: 1_024 } or { cpu: 1.5 }, or both.',
  })
}
