/** How the cases of the table make calls. */
import { taskId } from '@millrace/core'
import { expect } from 'vitest'
import type { Stage } from '../stage.ts'
import type { Outcome } from './transport.ts'

export type Input = Readonly<Record<string, unknown>>

/** Makes a call as `root`, or as somebody else. */
export type Make = (call: string, input?: Input, as?: string) => Promise<Outcome>

/** A case: it expects by itself what is to come of its calls. */
export interface CallCase {
  readonly name: string
  run(make: Make, stage: Stage): Promise<void>
}

export const ID = taskId('case', 'a')
export const OTHER = taskId('case', 'b')
export const NOBODY = taskId('case', 'nobody')
export const ada = { type: 'greet', input: { name: 'Ada' } }

export async function output(made: Promise<Outcome>): Promise<Record<string, unknown>> {
  const outcome = await made
  expect(outcome).toHaveProperty('output')
  return (outcome as { output: Record<string, unknown> }).output
}

export async function refusedAs(code: string, made: Promise<Outcome>): Promise<void> {
  expect(await made).toMatchObject({ refused: code })
}

export async function states(make: Make): Promise<Record<string, unknown>> {
  const { tasks } = await output(make('tasks.list'))
  return Object.fromEntries((tasks as { id: string; state: string }[]).map(({ id, state }) => [id, state]))
}

/** The states of all tasks, sorted. */
export async function stateNames(make: Make): Promise<readonly string[]> {
  const { tasks } = await output(make('tasks.list'))
  return (tasks as { state: string }[]).map(({ state }) => state).toSorted()
}
