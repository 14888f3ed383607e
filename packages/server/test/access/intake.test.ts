/** Large bodies and messages are read in turn, and what comes to nothing is paid for with time. */
import { expect, test } from 'vitest'
import { Intake, type Pass } from '../../src/access/intake.ts'
import { ManualPlatform } from '../fakes.ts'

const MIB = 1_048_576

class Scene {
  readonly platform = new ManualPlatform()
  readonly intake = new Intake(this.platform)
  readonly told: string[] = []

  enter(name: string, mib: number, as = name): Pass {
    const say = (what: string) => (): void => void this.told.push(`${as} ${what}`)
    return this.intake.enter(name, mib * MIB, { begin: say('begins'), cutOff: say('is cut off') })
  }

  /** What was said since it was asked last. */
  get news(): readonly string[] {
    return this.told.splice(0)
  }
}

test('so many bytes of one credential are read at once, the others in their order, and those of others beside them', () => {
  const scene = new Scene()
  const one = scene.enter('a', 10, 'one')
  const two = scene.enter('a', 10, 'two')
  scene.enter('a', 2, 'three')
  scene.enter('b', 16)
  expect(scene.news).toEqual(['one begins', 'b begins'])
  one.leave()
  expect(scene.news).toEqual(['two begins', 'three begins'])
  two.leave()
  two.leave()
  const large = scene.enter('a', 20, 'large')
  expect(scene.news).toEqual([])
  large.leave()
  scene.enter('a', 14, 'four')
  expect(scene.news).toEqual(['four begins'])
})

test('one that is larger than all that may be read at once is read by itself', () => {
  const scene = new Scene()
  const large = scene.enter('a', 64, 'large')
  scene.enter('a', 1, 'small')
  expect(scene.news).toEqual(['large begins'])
  large.leave()
  expect(scene.news).toEqual(['small begins'])
})

test('while others wait none takes longer than five seconds; by itself it may', () => {
  const scene = new Scene()
  const slow = scene.enter('a', 15, 'slow')
  scene.platform.advance(60_000)
  expect(scene.news).toEqual(['slow begins'])
  scene.enter('a', 15, 'next')
  scene.platform.advance(1)
  expect(scene.news).toEqual(['slow is cut off', 'next begins'])
  scene.enter('a', 15, 'last')
  scene.platform.advance(4_990)
  slow.leave()
  expect(scene.news).toEqual([])
  scene.platform.advance(10)
  expect(scene.news).toEqual(['next is cut off', 'last begins'])
})

test('what was read for nothing is waited for: 2 MiB in a second, 10 s at the most, and nobody else waits', () => {
  const scene = new Scene()
  scene.enter('a', 4).leave(4 * MIB)
  scene.enter('a', 1, 'after 2 s')
  scene.enter('b', 1)
  expect(scene.news).toEqual(['a begins', 'b begins'])
  scene.platform.advance(1_999)
  expect(scene.news).toEqual([])
  scene.platform.advance(1)
  expect(scene.news).toEqual(['after 2 s begins'])
  for (let count = 0; count < 10; count++) scene.enter('a', 15, 'more').leave(15 * MIB)
  scene.enter('a', 1, 'last')
  expect(scene.news).toEqual(['more begins'])
  scene.platform.advance(10_000)
  expect(scene.news).toEqual(['last begins'])
})

test('one that leaves before it was read makes room, and is not heard of again', async () => {
  const scene = new Scene()
  const first = scene.enter('a', 16, 'first')
  const impatient = scene.enter('a', 16, 'impatient')
  const entered = scene.intake.entered('a', MIB, () => undefined)
  impatient.leave()
  first.leave()
  expect(scene.news).toEqual(['first begins'])
  ;(await entered).leave()
})
