import type { MigrationPlan, MigrationStep, Migrator } from '@millrace/core/store'
import { Option, type Command } from 'commander'
import { migratorOf } from '../../migrator.ts'
import { shownUrl } from '../../store-url.ts'
import { settingsOf } from '../configuration/in-force.ts'
import { counted, type Output } from '../output.ts'
import { outputOf } from '../session.ts'

export function addMigrate(program: Command): void {
  program
    .command('migrate')
    .summary("make the store's tables, or bring them up to date")
    .description(
      'Makes the tables of the store, or brings them up to this version of Millrace. Other commands do so by themselves; this ' +
        'one is for when they may not (migrate: false, or a database user who may not create tables), and to see beforehand ' +
        'what would be done. Workers may go on meanwhile: this version and the one before it work with the new tables. Run it ' +
        'before you deploy the new version. What was broken off goes on when it is run again.',
    )
    .addOption(
      new Option('--print', 'only print the SQL that is to be run, and change nothing').conflicts('dryRun'),
    )
    .option('--dry-run', 'say what is to be done, and try it in a transaction that is taken back')
    .addHelpText('after', HELP)
    .action((options: MigrateOptions, command: Command) => migrate(options, command))
}

const HELP = `
Examples:
  millrace migrate --store postgres://owner@db/app --dry-run    what would be done
  millrace migrate --store postgres://owner@db/app --print      the same as SQL, for those who run it themselves
  millrace migrate --store postgres://owner@db/app              do it`

interface MigrateOptions {
  readonly print?: boolean | undefined
  readonly dryRun?: boolean | undefined
}

/** What is told of a store, whatever is asked for. */
interface Told {
  readonly output: Output
  readonly place: string
}

async function migrate({ print, dryRun }: MigrateOptions, command: Command): Promise<void> {
  const { store, namespace } = await settingsOf(command)
  const told = { output: outputOf(command), place: shownUrl(store.value) }
  const migrator = migratorOf(store.value, namespace.value)
  if (migrator === null) return tellNone(told)
  if (print === true) return printed(told, await migrator.plan())
  if (dryRun === true) return rehearsed(told, migrator)
  const plan = await migrator.migrate()
  const done = plan.steps.length > 0
  if (told.output.json) return tellValue(told, plan, done ? 'migrated' : 'nothing')
  told.output.line(
    done ? `${told.place} has schema ${plan.to} now (${before(plan)}).` : nothingToDo(told, plan),
  )
}

function tellNone({ output, place }: Told): void {
  if (output.json) output.value({ store: place, from: null, to: null, steps: [], done: 'nothing' })
  else output.line(`Nothing to do: ${place} has no schema.`)
}

function tellValue({ output, place }: Told, { from, to, steps }: MigrationPlan, done: string): void {
  output.value({ store: place, from, to, steps, done })
}

function printed({ output, place }: Told, plan: MigrationPlan): void {
  if (output.json) output.value({ store: place, ...plan, done: 'nothing' })
  else if (plan.steps.length === 0) output.line(`-- ${nothingToDo({ output, place }, plan)}`)
  else output.line(plan.script.trimEnd())
}

async function rehearsed(told: Told, migrator: Migrator): Promise<void> {
  const { output, place } = told
  const plan = await migrator.rehearse()
  if (output.json) return tellValue(told, plan, plan.steps.length > 0 ? 'rehearsed' : 'nothing')
  if (plan.steps.length === 0) return output.line(nothingToDo(told, plan))
  output.line(`${place} is to have schema ${plan.to} (${before(plan)}):`)
  for (const step of plan.steps) output.line(`  to version ${step.version}: ${stepText(step)}`)
  const untried = plan.steps.findIndex(({ manner }) => manner === 'online')
  output.line(
    untried < 0
      ? 'All of it was tried and taken back.'
      : `${untried === 0 ? 'Nothing' : `The first ${counted(untried, 'step')}`} of it was tried and taken back: an online step cannot be.`,
  )
}

function before({ from }: MigrationPlan): string {
  return from === 0 ? 'there was none' : `it was ${from}`
}

function stepText({ manner, statements }: MigrationStep): string {
  return `${counted(statements, 'statement')}, ${manner === 'online' ? 'online, one by one' : manner}`
}

function nothingToDo({ place }: Told, { from, to }: MigrationPlan): string {
  const newer = from > to ? `, which is newer than this Millrace and which it can work with` : ''
  return `Nothing to do: ${place} has schema ${from}${newer}.`
}
