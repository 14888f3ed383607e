/** How the command line ends, for whoever started it. */
export const EXIT = { done: 0, failed: 1, usage: 2, stalled: 3 } as const
export type ExitCode = (typeof EXIT)[keyof typeof EXIT]
