/** The examples of docs/server-rest.md, as a shell runs them. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { serve } from '@hono/node-server'
import { expect, test } from 'vitest'
import { EXAMPLE_ID } from '../../src/service/tasks/reading.ts'
import { createServer } from '../../src/index.ts'
import { prepared } from '../calls/prepared.ts'
import { Stage } from '../stage.ts'
import type { AddressInfo } from 'node:net'

const run = promisify(execFile)
const page = readFileSync(join(import.meta.dirname, '../../../../docs/server-rest.md'), 'utf8')
const blocks = [...page.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text]) => text!)

test('every command of the page does what it says', async () => {
  await using stage = new Stage()
  await prepared(stage)
  const server = createServer(stage.mill)
  const { promise, resolve } = Promise.withResolvers<AddressInfo>()
  const listening = serve(
    { fetch: (request) => server.fetch(request), hostname: '127.0.0.1', port: 0 },
    resolve,
  )
  const { port } = await promise
  const env = { ...process.env, MILLRACE: `http://127.0.0.1:${port}`, ID: EXAMPLE_ID }
  expect(blocks).toHaveLength(3)
  for (const block of blocks) {
    const { stdout } = await run('sh', ['-ec', block], { env })
    expect(stdout).not.toBe('')
  }
  await server.close()
  await new Promise((done) => listening.close(done))
})
