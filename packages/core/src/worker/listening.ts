/** What a worker hears of its store, and of what its own process adds. */
import type { AnyHandler } from '../task/handler.ts'
import type { Connection } from '../client/connection.ts'

interface Ear {
  /** There may be something to claim. */
  hungry(): void
  /** This process has added what the worker can run. */
  askNow(): void
  /** A task may have been asked to stop. */
  cancelled(): void
}

/** Listens until the answer is called. */
export function listenFor(
  connection: Connection,
  handlers: ReadonlyMap<string, AnyHandler>,
  ear: Ear,
): () => void {
  const unlisten = connection.listen((hint) => {
    if (hint.ready) ear.hungry()
    if (hint.cancel) ear.cancelled()
  })
  const unlistenToAdds = connection.listenToAdds((groups) => {
    if (groups.some(({ tasks }) => tasks.some(({ type }) => handlers.has(type)))) ear.askNow()
  })
  return () => {
    unlisten()
    unlistenToAdds()
  }
}
