/** Whether the file is whole, and set as it has to be. */
import { engineDefect } from '@millrace/core/store'
import { Database } from './database.ts'
import { MIGRATIONS } from './migrations.ts'
import { SCHEMA } from './statements/audit.ts'
import type { AuditAnswer, StoreDefect } from '@millrace/core/store'
import type { Pass } from './home.ts'

const MIB = 1_024 ** 2
/** The indexes are compared with their tables only in files up to this: it takes a second per 100 MiB … */
const INDEXES_MAX: number = 64 * MIB
/** … and the pages are looked over only in files up to this: a second per GiB. Nothing else is done meanwhile. */
const PAGES_MAX: number = 1_024 * MIB

type Engine = Pick<AuditAnswer, 'defects' | 'unseen'>

export function engineDefects(pass: Pass): Engine {
  const { defects, unseen } = damage(pass)
  return { defects: [...defects, ...settings(pass), ...schema(pass)], unseen }
}

function pragma({ database }: Pass, name: string): number | string {
  return database.get<[number | string]>(`PRAGMA ${name}`)![0]
}

function damage(pass: Pass): Engine {
  const bytes = Number(pragma(pass, 'page_count')) * Number(pragma(pass, 'page_size'))
  if (bytes > PAGES_MAX) {
    const size = `${Math.round(bytes / MIB)} MiB`
    const hint = 'To do it at a quiet hour: sqlite3 FILE "PRAGMA integrity_check"'
    return { defects: [], unseen: [`The file has ${size}, too much to be looked over by the way. ${hint}`] }
  }
  const whole = bytes <= INDEXES_MAX
  const rows = pass.database.all<[string]>(`PRAGMA ${whole ? 'integrity_check' : 'quick_check'}(20)`)
  const defects = rows
    .filter(([text]) => text !== 'ok')
    .map(([text]) => engineDefect('engine-damage', text, `The file is damaged: ${text}.`))
  if (whole) return { defects, unseen: [] }
  return {
    defects,
    unseen: [`The file has ${Math.round(bytes / MIB)} MiB: its indexes were not compared with their tables.`],
  }
}

function settings(pass: Pass): readonly StoreDefect[] {
  const found: StoreDefect[] = []
  const journal = pragma(pass, 'journal_mode')
  if (journal !== 'wal')
    found.push(
      engineDefect(
        'engine-settings',
        'journal_mode',
        `The file keeps its journal as ${journal}, not as a WAL.`,
      ),
    )
  // 2 is FULL, 3 EXTRA
  if (Number(pragma(pass, 'synchronous')) < 2)
    found.push(
      engineDefect(
        'engine-durability',
        'synchronous',
        'Commits are not synced: tasks may be lost with the power.',
      ),
    )
  return found
}

type Made = readonly [kind: string, name: string, sql: string]

/** What a file of this version has: made anew, in memory. */
function expected(): readonly Made[] {
  const database = new Database(':memory:', { readOnly: false })
  try {
    for (const { script } of MIGRATIONS) database.script(script)
    return database.all<[string, string, string]>(SCHEMA)
  } finally {
    database.close()
  }
}

/** A newer Millrace may have added to it: then nobody here knows what it has to be. */
function schema(pass: Pass): readonly StoreDefect[] {
  if (pragma(pass, 'user_version') !== MIGRATIONS.length) return []
  const there = new Map(
    pass.database.all<[string, string, string]>(SCHEMA).map(([kind, name, sql]) => [`${kind} ${name}`, sql]),
  )
  return expected().flatMap(([kind, name, sql]) => {
    const is = there.get(`${kind} ${name}`)
    if (is === sql) return []
    const what = is === undefined ? 'is missing' : 'is not as it was made'
    return [engineDefect('engine-schema', name, `The ${kind} ${name} ${what}. It was made by: ${sql}`)]
  })
}
