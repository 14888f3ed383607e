// `npm run check`: everything but the tests. Every step runs, so that one round shows all there is to mend.
import { install, launch, run, say } from './prepare.mjs'

/** @type {readonly (readonly [name: string, command: string, ...args: readonly string[]])[]} */
const steps = [
  ['build', 'tsc', '-b', 'tsconfig.build.json'],
  ['types, with the tests', 'tsc', '-p', 'tsconfig.json'],
  ['lint', 'oxlint', '--type-aware', '--deny-warnings'],
  ['format', 'oxfmt', '--check'],
  ['architecture', 'node', 'scripts/architecture.ts'],
  ['dead code', 'knip', '--no-progress', '--no-config-hints'],
  ['public API', 'node', 'scripts/api-report.ts'],
  ['snippets of the docs', 'node', 'scripts/snippets.ts'],
  ['reference', 'node', 'scripts/reference.ts'],
]

await launch(async () => {
  await install()
  const failed = []
  for (const [name, command, ...args] of steps) {
    say(`\n== ${name}: ${command} ${args.join(' ')}`)
    if ((await run(command, args)) !== 0) failed.push(name)
  }
  say(
    failed.length === 0 ? `\nAll ${steps.length} checks are fine.` : `\nTo be mended: ${failed.join(' · ')}.`,
  )
  return failed.length === 0 ? 0 : 1
})
