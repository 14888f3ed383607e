/**
 * Who may call which method of the port, and what the call does for them: one rule for each. A method without a rule does not
 * compile, and a test walks over all of them.
 *
 * What core's worker calls besides its tasks goes on with a credential for some queues: it takes nothing over, sweeps
 * nothing, lets no schedule fire and does not lead (`all or nothing`), since the server does all that itself. Leading, firing
 * and forgetting tasks is left to the server by every worker that is no operator, too.
 */
import { CONTROL, INSPECTION } from './policy/operating.ts'
import { ENQUEUING } from './policy/enqueuing.ts'
import { BUDGETS, LIMITING, LOCKS, SCHEDULES } from './policy/keeping.ts'
import { checkSizes } from './policy/sizes.ts'
import { WORKING } from './policy/working.ts'
import { AccessError } from '@millrace/core'
import type { StorePolicies, StorePolicy, StoreScene } from './policy/policy.ts'
import type { Given, PortMethod, Taken } from '../wire/methods.ts'

/** All rules. */
const STORE_POLICY: StorePolicies = {
  ...WORKING,
  ...ENQUEUING,
  ...LIMITING,
  ...BUDGETS,
  ...SCHEDULES,
  ...LOCKS,
  ...CONTROL,
  ...INSPECTION,
}

/** Carries a call out as far as its rule lets it. @throws AccessError, and what the store throws */
export async function carry<M extends PortMethod>(
  method: M,
  taken: Taken<M>,
  scene: StoreScene,
): Promise<Given<M>> {
  const policy: StorePolicy<M> = STORE_POLICY[method]
  const { permissions } = policy
  if (!permissions.some((permission) => scene.caller.mayAnywhere(permission)))
    throw new AccessError(
      'forbidden',
      `The credential ${scene.caller.name} has no role that may ${permissions.join(' or ')}.`,
      { hint: 'Use another one, or have its roles changed.' },
    )
  checkSizes(method, taken)
  return policy.carry(taken, scene)
}
