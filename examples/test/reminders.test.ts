/** A test of one's own with vitest. */
import { expect, test } from 'vitest'
import { testMill } from 'millrace/testing'
import { handlers, remind, welcome } from '../reminders.ts'

function mailbox() {
  const sent: string[] = []
  return { sent, send: async (to: string, text: string) => void sent.push(`${to}: ${text}`) }
}

test('who signs up is welcomed, and reminded three days later', async () => {
  const { sent, send } = mailbox()
  await using t = await testMill({ handlers: handlers(send), now: new Date('2026-01-01') })

  await t.mill.enqueue(welcome, { email: 'ada@example.com' })
  expect(sent).toEqual([]) // nothing moves by itself
  await t.untilIdle()
  expect(sent).toEqual(['ada@example.com: Welcome!'])
  t.assertEnqueued(remind, { input: { email: 'ada@example.com' }, delay: '3d', tags: ['onboarding'] })

  await t.advance('3d')
  expect(sent).toHaveLength(2)
  expect(t.now).toEqual(new Date('2026-01-04'))
})

test('a reminder is sent again a minute after it failed', async () => {
  const { sent, send } = mailbox()
  let refusals = 1
  const flaky = async (to: string, text: string): Promise<void> => {
    if (refusals-- > 0) throw new Error('451 try again later')
    await send(to, text)
  }
  await using t = await testMill({ handlers: handlers(flaky) })
  const handle = await t.mill.enqueue(remind, { email: 'ada@example.com', text: 'Hello' })

  await t.advance('30s')
  expect(await handle.status()).toMatchObject({ state: 'scheduled', attempt: 2 })
  await t.untilIdle()
  expect(await handle.result({ within: '1s' })).toBe('sent at attempt 2')
  expect(sent).toEqual(['ada@example.com: Hello'])
})

test('one handler by itself', async () => {
  const { sent, send } = mailbox()
  await using t = await testMill({ handlers: handlers(send) })
  expect(await t.work(remind, { email: 'ada@example.com', text: 'Hi' }, { attempt: 3 })).toBe(
    'sent at attempt 3',
  )
  expect(sent).toEqual(['ada@example.com: Hi'])
})

test('what is missing is shown beside what comes nearest', async () => {
  await using t = await testMill()
  await t.mill.enqueue(remind, { email: 'ada@example.com', text: 'Hi' }, { delay: '2d' })
  expect(() => t.assertEnqueued(remind, { input: { email: 'bob@example.com' }, delay: '2d' })).toThrow(
    /input\.email is "ada@example\.com" and not "bob@example\.com"/,
  )
})
