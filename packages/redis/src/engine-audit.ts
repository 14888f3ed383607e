/** Whether the server keeps what it confirms, is set as it has to be, and has room; as far as it lets us see. */
import { engineDefect, type AuditAnswer, type StoreDefect } from '@millrace/core/store'
import { infoOf, settingOf } from './checks.ts'
import type { Line } from './line.ts'

type Engine = Pick<AuditAnswer, 'defects' | 'unseen'>
type Info = ReadonlyMap<string, string>

/** Of what is allowed. */
const FULL_SHARE = 0.9

export async function engineDefects(line: Line): Promise<Engine> {
  const info = await infoOf(line)
  const settings = await settingsDefects(line)
  if (info !== undefined)
    return {
      defects: [...durability(info), ...roles(info), ...room(info), ...settings.defects],
      unseen: settings.unseen,
    }
  const unseen = 'Redis does not allow INFO: nobody looked whether it keeps its data, and has room.'
  return { defects: settings.defects, unseen: [unseen, ...settings.unseen] }
}

function durability(info: Info): readonly StoreDefect[] {
  const found: StoreDefect[] = []
  const lost = (subject: string, what: string): void => {
    found.push(engineDefect('engine-durability', subject, `Redis ${what}: tasks may be lost when it ends.`))
  }
  if (info.get('aof_enabled') === '0') lost('appendonly', 'keeps no append-only file')
  if (info.get('aof_last_write_status') === 'err')
    lost('aof_last_write_status', 'cannot write its append-only file')
  if (info.get('aof_last_bgrewrite_status') === 'err')
    lost(
      'aof_last_bgrewrite_status',
      'cannot write its append-only file anew, which grows until the disk is full',
    )
  return found
}

function roles(info: Info): readonly StoreDefect[] {
  const found: StoreDefect[] = []
  if (info.get('role') === 'slave')
    found.push(engineDefect('engine-settings', 'role', 'This Redis is a replica: work with its primary.'))
  const policy = info.get('maxmemory_policy') ?? 'noeviction'
  // no key of the store has a time to live
  if (policy !== 'noeviction' && !policy.startsWith('volatile-'))
    found.push(
      engineDefect(
        'engine-settings',
        'maxmemory-policy',
        `Redis evicts data (${policy}): set maxmemory-policy noeviction.`,
      ),
    )
  return found
}

function room(info: Info): readonly StoreDefect[] {
  const number = (name: string): number => Number(info.get(name) ?? 0)
  const found: StoreDefect[] = []
  const [used, most] = [number('used_memory'), number('maxmemory')]
  if (most > 0 && used >= FULL_SHARE * most)
    found.push(
      engineDefect(
        'engine-pressure',
        'maxmemory',
        `${used} of ${most} bytes of memory are used: then no task is taken any more.`,
      ),
    )
  const [clients, clientsMax] = [number('connected_clients'), number('maxclients')]
  if (clientsMax > 0 && clients >= FULL_SHARE * clientsMax)
    found.push(
      engineDefect('engine-pressure', 'maxclients', `${clients} of ${clientsMax} connections are used.`),
    )
  return found
}

/** What it has to be, and what it says if it is not. */
const SETTINGS: readonly (readonly [name: string, bad: string, defect: StoreDefect])[] = [
  [
    'appendfsync',
    'no',
    engineDefect(
      'engine-durability',
      'appendfsync',
      'Redis never syncs its append-only file: set appendfsync everysec or always.',
    ),
  ],
  [
    'replica-read-only',
    'no',
    engineDefect(
      'engine-settings',
      'replica-read-only',
      'As a replica this Redis would take writes that are lost: set replica-read-only yes.',
    ),
  ],
]

async function settingsDefects(line: Line): Promise<Engine> {
  const defects: StoreDefect[] = []
  for (const [name, bad, defect] of SETTINGS) {
    const value = await settingOf(line, name)
    if (value === undefined)
      return { defects, unseen: ['Redis does not allow CONFIG GET: how it is set was not looked at.'] }
    if (value === bad) defects.push(defect)
  }
  return { defects, unseen: [] }
}
