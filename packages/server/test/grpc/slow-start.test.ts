/** How many calls a connection may have at a time, from its beginning on. */
import type { ServerHttp2Session } from 'node:http2'
import { expect, test } from 'vitest'
import { SlowStart } from '../../src/grpc/slow-start.ts'
import { ManualPlatform } from '../fakes.ts'

class Scene {
  readonly platform = new ManualPlatform()
  readonly said: number[] = []
  readonly session = {
    destroyed: false,
    settings: ({ maxConcurrentStreams }: { readonly maxConcurrentStreams: number }) =>
      void this.said.push(maxConcurrentStreams),
  }
  readonly #starts: SlowStart
  readonly first: number

  constructor(max = 1_000) {
    this.#starts = new SlowStart(max, this.platform)
    this.first = this.#starts.first
  }

  begun(count: number): void {
    for (let one = 0; one < count; one++) this.#starts.begun(this.session as unknown as ServerHttp2Session)
  }

  ended(count: number): void {
    for (let one = 0; one < count; one++) this.#starts.ended(this.session as unknown as ServerHttp2Session)
  }
}

test('short calls earn a connection more, as far as 128', () => {
  const scene = new Scene()
  expect(scene.first).toBe(16)
  const call = (times: number): void => {
    for (let count = 0; count < times; count++) {
      scene.begun(1)
      scene.ended(1)
    }
  }
  call(255)
  expect(scene.said).toEqual([])
  call(1)
  expect(scene.said).toEqual([32])
  call(10_000)
  expect(scene.said).toEqual([32, 64, 128])
})

test('one that is full of long calls may have more after 250 ms, as far as any may', () => {
  const scene = new Scene(100)
  scene.begun(16)
  scene.platform.advance(249)
  expect(scene.said).toEqual([])
  scene.platform.advance(1)
  expect(scene.said).toEqual([32])
  scene.platform.advance(1_000)
  expect(scene.said).toEqual([32])
  scene.begun(16)
  scene.platform.advance(250)
  scene.begun(32)
  scene.platform.advance(250)
  expect(scene.said).toEqual([32, 64, 100])
  scene.begun(36)
  scene.platform.advance(1_000)
  expect(scene.said).toEqual([32, 64, 100])
})

test('one that is full of short calls is looked at again, and may have more once they are long', () => {
  const scene = new Scene()
  scene.begun(16)
  for (let look = 0; look < 5; look++) {
    scene.ended(5)
    scene.begun(5)
    scene.platform.advance(250)
  }
  expect(scene.said).toEqual([])
  scene.platform.advance(250)
  expect(scene.said).toEqual([32])
})

test('a connection that has ended is told nothing, and there are no more than the limit at first', () => {
  const scene = new Scene()
  scene.begun(16)
  scene.session.destroyed = true
  scene.platform.advance(250)
  expect(scene.said).toEqual([])
  expect(new Scene(4).first).toBe(4)
})
