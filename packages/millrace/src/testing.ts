/** For your own tests: `millrace/testing`. */
export { CrashAssertionError, crashTest, EnqueuedAssertionError, testMill } from '@millrace/core/testing'
export type {
  CrashHandlers,
  CrashKit,
  CrashReport,
  CrashScenario,
  CrashTestOptions,
  Effect,
  EffectOptions,
  Ending,
  EnqueuedMatch,
  EnqueuedTask,
  IdleOptions,
  Interruption,
  InterruptionKind,
  Parent,
  Partly,
  TestMill,
  TestMillOptions,
  WorkOptions,
} from '@millrace/core/testing'
