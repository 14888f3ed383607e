/** Options for what only a definition's own code makes of an input. */
import { Option } from 'commander'
import { CliError } from './failure.ts'
import type { GivenKeys } from '@millrace/server/published'

export interface KeyOptions {
  readonly partition?: string
  readonly limit?: readonly string[]
}

export function keyOptions(): readonly Option[] {
  return [
    new Option('--partition <key>', 'whose turn it takes, where its definition has partitions'),
    new Option('--limit <name=key...>', 'its key under a limit that has keys, at the cost of 1'),
  ]
}

/** @throws CliError */
export function givenKeys({ partition, limit = [] }: KeyOptions): GivenKeys {
  const pairs = limit.map((text): [name: string, key: string] => {
    const at = text.indexOf('=')
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)]
    throw new CliError('usage', `--limit is ${JSON.stringify(text)}.`, 'Give NAME=KEY, as in stripe=acct_1.')
  })
  return { partition, limits: new Map(pairs) }
}
