/**
 * What a busy process holds for a moment, by key. V8 replaces a hash table that is outgrown or full of what was
 * deleted, and the old table refers to the new one. Once one of them has grown old, the collections of young objects
 * keep all tables that followed it, and what was in them: a worker's took 12 ms each instead of one. So now and then
 * this goes on with a map that no older one refers to.
 */
const DELETIONS_MAX = 1_000

export class Roster<K, V> {
  #map = new Map<K, V>()
  #deletions = 0

  get size(): number {
    return this.#map.size
  }

  get(key: K): V | undefined {
    return this.#map.get(key)
  }

  has(key: K): boolean {
    return this.#map.has(key)
  }

  set(key: K, value: V): void {
    this.#map.set(key, value)
  }

  delete(key: K): void {
    if (!this.#map.delete(key)) return
    this.#deletions += 1
    if (this.#deletions < Math.max(DELETIONS_MAX, this.#map.size)) return
    this.#deletions = 0
    this.#map = new Map(this.#map)
  }

  /** As it is now, whatever happens to it meanwhile. */
  values(): V[] {
    return [...this.#map.values()]
  }
}
