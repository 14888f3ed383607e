/** The same with Node's own runner: `node --test examples/test/reminders.node-test.ts` */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testMill } from 'millrace/testing'
import { handlers, remind, welcome } from '../reminders.ts'

void test('who signs up is welcomed, and reminded three days later', async () => {
  const sent: string[] = []
  const send = async (to: string): Promise<void> => void sent.push(to)
  await using t = await testMill({ handlers: handlers(send) })

  await t.mill.enqueue(welcome, { email: 'ada@example.com' })
  await t.untilIdle()
  assert.deepEqual(sent, ['ada@example.com'])
  t.assertEnqueued(remind, { input: { email: 'ada@example.com' }, delay: '3d' })

  await t.advance('3d')
  assert.equal(sent.length, 2)
})
