/** Definitions as workers published them, with what the command line says where they do not do. */
import { codeOf } from '@millrace/core'
import * as published from '@millrace/server/published'
import type { EnqueueOptions, Mill } from '@millrace/core'
import type { DefinitionError, KnownDefinition, Published, Replaced } from '@millrace/server/published'
import { CliError } from './failure.ts'
import type { Session } from './session.ts'

type Definitions = Awaited<ReturnType<Mill['definitions']>>

/** @throws CliError */
export function definitionOf(
  name: string,
  definitions: Definitions,
  given: Parameters<typeof published.definitionOf>[2],
): KnownDefinition {
  return told(() => published.definitionOf(name, definitions, given))
}

/** @throws CliError */
export function uniqueOf(definition: KnownDefinition, key: string | undefined): EnqueueOptions['unique'] {
  return told(() => published.uniqueOf(definition, key))
}

/** @throws CliError */
export function checkFit(
  input: unknown,
  definition: Published,
  warn: (message: string) => void,
): Promise<void> {
  return toldOf(published.checkFit(input, definition, warn))
}

/** @throws CliError */
export function checkReplacement(
  input: unknown,
  about: Replaced,
  { mill, output }: Pick<Session, 'mill' | 'output'>,
): Promise<void> {
  const warn = (message: string): void => output.warn(message)
  return toldOf(published.checkReplacement(input, about, { mill, warn }))
}

function told<T>(run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw asTold(error)
  }
}

async function toldOf<T>(running: Promise<T>): Promise<T> {
  try {
    return await running
  } catch (error) {
    throw asTold(error)
  }
}

/** The same error, with a hint that names options. */
function asTold(error: unknown): unknown {
  if (codeOf(error) === 'invalid-payload') {
    const hint = 'Nothing was written. --force takes it all the same, for its worker to judge.'
    return new CliError('invalid-payload', (error as Error).message, hint)
  }
  if (typeof error !== 'object' || error === null || !('trouble' in error)) return error
  const { trouble, message, hint } = error as DefinitionError
  const code =
    trouble.kind === 'unknown' ? 'unknown-task' : trouble.kind === 'no-such-limit' ? 'usage' : 'failed'
  return new CliError(code, message, hintOf(trouble) ?? hint)
}

/** `undefined`: the hint of the error does. */
function hintOf(trouble: DefinitionError['trouble']): string | undefined {
  switch (trouble.kind) {
    case 'sealed':
    case 'unreadable':
      return undefined
    case 'unknown':
      return unknownHint(trouble)
    case 'no-such-limit':
      return trouble.limits.length === 0 ? 'Leave --limit away.' : undefined
    case 'missing-keys':
      return `${trouble.missing.some(({ of }) => of === 'unique') ? 'Give the key that' : 'Give what'} its definition makes of this input: ${trouble.missing.map(optionOf).join(' ')}`
    case 'version':
      return trouble.task === null
        ? undefined
        : `Nothing was written. Cancel it and enqueue another one; --force takes the input as one of version ${trouble.version}.`
  }
}

type Missing = Extract<DefinitionError['trouble'], { readonly kind: 'missing-keys' }>['missing'][number]

function optionOf(missing: Missing): string {
  if (missing.of === 'limit') return `--limit ${missing.name}=KEY`
  return missing.of === 'partition' ? '--partition KEY' : '--unique KEY'
}

function unknownHint({
  near,
  known,
}: {
  readonly near: readonly string[]
  readonly known: readonly string[]
}): string {
  if (near.length > 0) return `Did you mean ${near.join(' or ')}? Or add --force to enqueue it all the same.`
  if (known.length === 0) return 'Start its worker once, or add --force to enqueue it all the same.'
  return `Known are ${known.slice(0, 10).join(', ')}${known.length > 10 ? ', …' : ''}. Or add --force to enqueue it all the same.`
}
