import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { Place } from './tree.ts'

const MAIN = fileURLToPath(new URL('../../packages/millrace/dist/cli/main.js', import.meta.url))
const PROJECT = fileURLToPath(new URL('../project', import.meta.url))

test('a project with a configuration and a logger of its own needs no options', async () => {
  using place = new Place()
  const env = { ...process.env, MILLRACE_STORE: `sqlite:${join(place.path, 'project.db')}` }
  const millrace = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, [MAIN, ...args], { cwd: PROJECT, env })).stdout
  await millrace('worker', '--until-idle') // publishes what there is to enqueue
  await millrace('enqueue', 'greet', '{"name":"Ada"}')
  const said = await millrace('worker', '--until-idle')
  expect(said).toMatch(/^\[info\] greeting \{.*"name":"Ada"\}$/m)
  expect(said).toMatch(/1 task succeeded/)
  expect(await millrace('config')).toMatch(/^worker\.concurrency +4 +file millrace\.config\.ts$/m)
})
