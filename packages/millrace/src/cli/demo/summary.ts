/** What the demo says at its end. */
import { counted, grouped } from '../output.ts'
import { readableExample } from './example.ts'
import type { Audit } from './census.ts'
import type { Stage } from './conduct.ts'
import type { Victim } from './killer.ts'

export interface Ending {
  readonly stage: Stage
  readonly catalogue: Readonly<Record<string, unknown>>
  readonly audit: Audit
  readonly victim: Victim | undefined
  /** Of what failed, how many are folders. */
  readonly folders: number
  /** Files whose path has a newline. */
  readonly newlines: number
  readonly seconds: number
}

export function summarise(ending: Ending): void {
  const { stage, catalogue, audit, victim, folders } = ending
  if (stage.output.json) return stage.output.value(jsonOf(ending))
  if (victim !== undefined) stage.output.line(killText(victim, audit))
  else {
    const why = stage.options.kill ? 'it was over before a worker could be killed' : 'no worker was killed'
    stage.output.line(`  ${why}; ${countsText(audit)}.`)
  }
  const failed = Number(catalogue['failed'])
  if (failed > 0)
    stage.output.line(
      `  ${failuresText(failed - folders, folders)} could not be read. See: npx millrace dead --type catalogue.file`,
    )
  stage.output.line(
    `Check it    ${checkOf(ending)}      Look inside   npx millrace tasks · explain ID · history ID      Read it   ${readableExample()}`,
  )
}

function failuresText(files: number, folders: number): string {
  const parts = [files > 0 ? counted(files, 'file') : '', folders > 0 ? counted(folders, 'folder') : '']
  return parts.filter((part) => part !== '').join(' and ')
}

/** What counts the same files: lines where each path is one, else bytes, one per path. */
function checkOf({ stage, newlines }: Ending): string {
  const { folder, options } = stage
  const name = options.pattern === '*' ? '' : ` -name ${quoted(options.pattern)}`
  const found = `find ${quoted(folder)} -type f${name}`
  return newlines > 0 || folder.includes('\n')
    ? `${found} -print0 | tr -dc '\\0' | wc -c`
    : `${found} | wc -l`
}

function killText({ pid, share, held, killedAt }: Victim, audit: Audit): string {
  const killed = `  at ${Math.round(share * 100)} % worker ${pid} was killed with -9.`
  if (held.length === 0) return `${killed} It had no task in hand just then; ${countsText(audit)}.`
  if (audit.takenOverAt === null)
    return `${killed} None of its ${counted(held.length, 'task')} was taken over; ${countsText(audit)}.`
  const after = `${((audit.takenOverAt - killedAt) / 1_000).toFixed(1)} s`
  const all = audit.takenOver === held.length
  const tasks =
    held.length === 1
      ? 'Its one task was'
      : all
        ? `Its ${grouped(held.length)} tasks were`
        : `Of its ${held.length} tasks ${audit.takenOver} were`
  return `${killed} ${tasks} taken over after ${after}; ${countsText(audit)}.`
}

function countsText({ lost, acceptedTwice }: Audit): string {
  return `${lost} lost, ${acceptedTwice} accepted twice`
}

function jsonOf({ catalogue, audit, victim, seconds }: Ending): object {
  const { lost, acceptedTwice, takenOver, takenOverAt } = audit
  const killed =
    victim === undefined
      ? null
      : {
          pid: victim.pid,
          share: victim.share,
          tasks: victim.held.length,
          takenOver,
          takenOverAfterMs: takenOverAt === null ? null : takenOverAt - victim.killedAt,
        }
  return { ...catalogue, lost, acceptedTwice, killed, seconds: Math.round(seconds * 1_000) / 1_000 }
}

/** As a shell takes it for one word. */
function quoted(text: string): string {
  return /^[\w./~-]+$/.test(text) && !text.startsWith('-')
    ? text
    : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
