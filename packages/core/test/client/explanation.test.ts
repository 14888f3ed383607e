import { testSituations } from '../../../../test/explanation/suite.ts'
import { MemoryStore } from '../../src/store/memory/store.ts'
import { systemPlatform } from '../../src/platform/system.ts'

testSituations(async () => {
  const store = new MemoryStore({ platform: systemPlatform })
  return {
    store,
    open: async () => store,
    shiftClock: (ms) => store.shiftClock(ms),
    [Symbol.asyncDispose]: () => store.close(),
  }
})
