/** What stores say of what they find: the same sentences, whatever the engine. */
import type { Remedy, StoreDefect, StoreDefectCode } from './audit.ts'

type KeptCode = Exclude<StoreDefectCode, `engine-${string}`>

const SENTENCES: Readonly<Record<KeptCode, (subject: string, detail: string) => string>> = {
  'stray-key': (key, task) => `The unique key ${key} is held for task ${task}, which does not hold it.`,
  'lost-key': (key, task) => `Task ${task} is to hold the unique key ${key}, and does not.`,
  'stray-edge': (child, parent) =>
    `Task ${child} is kept among those that wait for ${parent}, and does not wait.`,
  'orphaned-edge': (child, parent) =>
    `Task ${child} waits for ${parent}, and nobody is to tell it how that ends.`,
  'wait-count': (task, counts) => `Task ${task} does not wait for as much as it says: ${counts}.`,
  'stray-claim': (task) => `A claim is kept of ${task}, which does not run under it.`,
  'lost-claim': (task) => `Task ${task} runs, and is in nobody's claims: nobody would take it over.`,
  'stray-limit': (limit) => `It is kept what is used of the limit ${limit}, which is not there.`,
  'limit-count': (limit, counts) => `Under ${limit} ${counts}.`,
  'stray-place': (task, place) => `Task ${task} is kept in ${place}, where it does not stand.`,
  'lost-place': (task, place) => `Task ${task} is not where its state says that it is: ${place}.`,
  'stray-payload': (task, what) => `There is ${what} of task ${task}, which is not there.`,
  'lost-payload': (task) => `The payload of task ${task} is not there.`,
  'queue-counts': (queue, counts) => `The queue ${queue} does not count right: ${counts}.`,
}

/** What is wrong with what a store keeps beside the tasks, before it is put into a sentence. */
export interface KeptDefect {
  readonly code: KeptCode
  readonly subject: string
  /** What the sentence needs beside the subject. */
  readonly detail: string
  readonly remedy: Remedy
}

/** What is out of step with the tasks. */
export function defectOf({ code, subject, detail, remedy }: KeptDefect): StoreDefect {
  return { code, subject, remedy, message: SENTENCES[code](subject, detail) }
}

/** What is wrong with the engine, which is for people to set right. */
export function engineDefect(
  code: Exclude<StoreDefectCode, KeptCode>,
  subject: string,
  message: string,
): StoreDefect {
  return { code, subject, message, remedy: 'operator' }
}
