/** What to do when the process is asked to end. */
export interface SignalActions {
  first(): void
  second(): void
}

/** Owns SIGINT and SIGTERM until disposed of. */
export function onSignals(actions: SignalActions): Disposable {
  let heard = 0
  const hear = (): void => {
    heard += 1
    if (heard === 1) actions.first()
    else actions.second()
  }
  process.on('SIGINT', hear)
  process.on('SIGTERM', hear)
  return {
    [Symbol.dispose]() {
      process.off('SIGINT', hear)
      process.off('SIGTERM', hear)
    },
  }
}
