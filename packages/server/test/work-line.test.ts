import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { openHome } from '../../sqlite/test/home.ts'
import { remoteAddress } from '../src/remote/address.ts'
import { Channel } from '../src/remote/channel.ts'
import { WorkLine } from '../src/remote/work-line.ts'
import { ADMIN, serve } from './harness.ts'

test('a call that comes while an idle stream ends goes over a new one', async () => {
  await using home = await openHome()
  await using served = await serve(home.store)
  const channel = new Channel(remoteAddress({ url: served.url, token: ADMIN }))
  const line = new WorkLine(channel, 0)
  const request = { ids: ['00000000-0000-7000-8000-000000000001'], bytesMax: 1 }
  for (let calls = 0; calls < 100; calls++) {
    expect(await line.ask('outcomes', request)).toEqual({ outcomes: [null] })
    // at every stage of the end
    for (let turns = 0; turns < calls % 10; turns++) await turn()
  }
  line.close()
  channel.close()
})
