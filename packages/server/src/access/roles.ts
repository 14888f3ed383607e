/** What roles may do. A role is granted for queues; what belongs to no queue needs it for all of them. */

export const ROLES = ['producer', 'worker', 'viewer', 'operator', 'admin'] as const

/** Whom a credential stands for: who enqueues, who runs tasks, who looks, who looks after them, who does anything. */
export type Role = (typeof ROLES)[number]

/**
 * - `enqueue`: add tasks, and cancel them.
 * - `follow`: see one task whose id is known, and wait for its end.
 * - `view`: list and count tasks, see queues, schedules, workers, limits and events.
 * - `work`: hold a session, claim tasks and say what became of them.
 * - `operate`: change tasks, queues, schedules, limits and breakers, order workers.
 * - `administer`: look into the store itself, and mend it.
 */
export type Permission = 'enqueue' | 'follow' | 'view' | 'work' | 'operate' | 'administer'

const PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  producer: ['enqueue', 'follow'],
  worker: ['work', 'enqueue', 'follow'],
  viewer: ['view', 'follow'],
  operator: ['operate', 'view', 'enqueue', 'follow'],
  admin: ['administer', 'operate', 'work', 'view', 'enqueue', 'follow'],
}

/** Whether the role includes the permission. */
export function permits(role: Role, permission: Permission): boolean {
  return PERMISSIONS[role].includes(permission)
}
