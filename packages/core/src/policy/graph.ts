/** Order in graphs of tasks. */

const UNSEEN = 0
const OPEN = 1
const DONE = 2

/**
 * Puts nodes behind their parents, in time that is linear in nodes and edges (depth-first search: R. Tarjan,
 * "Edge-Disjoint Spanning Trees and Depth-First Search", Acta Informatica 6, 1976). Nodes come in the order in
 * which they are given, each right behind those of its ancestors that had not come before it: what is in order
 * already stays as it is.
 *
 * @param parents for each node the indexes of the nodes it waits for
 * @returns the indexes in order, or one circle of indexes if there is any: each waits for the next, and the
 *   last for the first
 */
export function topologicalOrder(
  parents: readonly (readonly number[])[],
): { readonly order: number[] } | { readonly cycle: number[] } {
  const order: number[] = []
  const states = new Uint8Array(parents.length)
  /** How many parents of each node were looked at. */
  const looked = new Uint32Array(parents.length)
  /** From a node to the ancestor that is looked at. */
  const path: number[] = []
  for (let start = 0; start < parents.length; start++) {
    if (states[start] === UNSEEN) path.push(start)
    for (let node = path.at(-1); node !== undefined; node = path.at(-1)) {
      states[node] = OPEN
      const parent = parents[node]![looked[node]!++]
      if (parent === undefined) {
        states[node] = DONE
        order.push(node)
        path.pop()
      } else if (states[parent] === OPEN) {
        return { cycle: path.slice(path.indexOf(parent)) }
      } else if (states[parent] === UNSEEN) {
        path.push(parent)
      }
    }
  }
  return { order }
}
