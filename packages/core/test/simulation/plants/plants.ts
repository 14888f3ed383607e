/** Bugs that are planted, one at a time, to see that the simulator finds them: each a patch of one source file. */

export interface Plant {
  readonly name: string
  /** Which rule it breaks. */
  readonly breaks: string
  /** Below `packages/core/src`. */
  readonly file: string
  /** Stands there exactly once. */
  readonly find: string
  readonly replace: string
}

export const PLANTS: readonly Plant[] = [
  {
    name: 'no fence on settlements',
    breaks: 'the fence is compared where the write happens',
    file: 'store/memory/settling.ts',
    find: 'if (!fits(task, fence)) {',
    replace: 'if (task.ownership === null) {',
  },
  {
    name: 'nonce not compared',
    breaks: 'an epoch may be issued twice by a store that went back in time',
    file: 'store/memory/task.ts',
    find: ' && task.ownership.nonce === fence.nonce',
    replace: '',
  },
  {
    name: 'epoch not raised by a take-over',
    breaks: 'each change of ownership has a new epoch',
    file: 'policy/lifecycle.ts',
    find: "reclaim: { from: ['running'], to: 'same', newEpoch: true, event: 'reclaimed' }",
    replace: "reclaim: { from: ['running'], to: 'same', event: 'reclaimed' }",
  },
  {
    name: 'take-over without a look at the lease',
    breaks: 'only what nobody looks after is taken over',
    file: 'store/memory/reclaiming.ts',
    find: 'const lapsed = !isAlive(pass, owner.session)',
    replace: 'const lapsed = true',
  },
  {
    name: 'lapsed lease extended',
    breaks: 'a lease that lapsed stays lapsed',
    file: 'store/memory/sessions.ts',
    find: 'if (session === undefined || !isAlive(pass, request.session)) {',
    replace: 'if (session === undefined) {',
  },
  {
    name: 'claim for a dead session',
    breaks: 'a session whose lease lapsed is given nothing',
    file: 'store/memory/exchanging.ts',
    find: 'const alive = isAlive(pass, request.session)',
    replace: 'const alive = pass.home.sessions.has(request.session)',
  },
  {
    name: 'what is awaited is a stray',
    breaks: 'what a request under way claimed is no stray',
    file: 'store/memory/sessions.ts',
    find: ' || nonces.has(owner.nonce) ? 0',
    replace: ' ? 0',
  },
  {
    name: 'what is listed is a stray',
    breaks: 'only two renewals in a row that do not list a task make it a stray',
    file: 'store/memory/sessions.ts',
    find: 'const MISSED_MAX = 2',
    replace: 'const MISSED_MAX = 1',
  },
  {
    name: 'crash on a live lease',
    breaks: 'a crash is what became of a lease that lapsed',
    file: 'store/memory/sessions.ts',
    find: 'return session !== undefined && session.expiresAt > now',
    replace: 'return session !== undefined && session.expiresAt > now + 500',
  },
  {
    name: 'repeated settlement counted twice',
    breaks: 'a repeat changes nothing',
    file: 'store/memory/settling.ts',
    find: 'if (owner.settled?.seq === seq) return owner.settled.verdict',
    replace:
      'if (owner.settled?.seq === seq) { task.counters = { ...task.counters, failures: task.counters.failures + 1 }; return owner.settled.verdict }',
  },
  {
    name: 'snooze counted as a failure',
    breaks: 'a snooze is neither failure nor crash',
    file: 'policy/lifecycle.ts',
    find: "counts: ['snoozes']",
    replace: "counts: ['failures']",
  },
  {
    name: 'crash counted as a failure',
    breaks: 'crashes are not failures',
    file: 'upkeep/caretaker.ts',
    find: "    kind: 'crashed',\n",
    replace: "    kind: 'failed', reason: 'error',\n",
  },
  {
    name: 'cancel request forgotten on a retry',
    breaks: 'every way back to pending leads to cancelled once that was asked for',
    file: 'policy/lifecycle.ts',
    find: "const turned = cancelRequested && from === 'running'",
    replace: "const turned = false && from === 'running'",
  },
  {
    name: 'cancel without a new epoch',
    breaks: 'a cancelled task is nobody’s any more',
    file: 'policy/lifecycle.ts',
    find: "cancel: { from: NOT_RUNNING, to: 'cancelled', newEpoch: true, event: 'cancelled' }",
    replace: "cancel: { from: NOT_RUNNING, to: 'cancelled', event: 'cancelled' }",
  },
  {
    name: 'unique key released early',
    breaks: 'a live task holds its key until it has ended',
    file: 'store/memory/keys.ts',
    find: "return unique.while === 'live' ? isLive(place)",
    replace: "return unique.while === 'live' ? isWaitingToStart(place)",
  },
  {
    name: 'window ends with its task',
    breaks: 'a window stays open whatever becomes of its task',
    file: 'store/memory/keys.ts',
    find: 'return window !== undefined && window.until > now ? window : undefined',
    replace:
      'return window !== undefined && window.until > now && home.tasks.get(window.task)?.finishedAt === null ? window : undefined',
  },
  {
    name: 'limit leaked on a crash',
    breaks: 'what counted is given back with the end of the claim',
    file: 'store/memory/moves.ts',
    find: "if (from === 'running' && taken.to !== 'running') uncount(pass, task)",
    replace:
      "if (from === 'running' && taken.to !== 'running' && change.operation !== 'crash') uncount(pass, task)",
  },
  {
    name: 'only first attempts count',
    breaks: 'a limit is never exceeded at any instant',
    file: 'store/memory/claiming.ts',
    find: '  count(pass, task)\n',
    replace: '  if (task.counters.claims === 1) count(pass, task)\n',
  },
  {
    name: 'rate forgets what started',
    breaks: 'a rate is never exceeded',
    file: 'policy/limits.ts',
    find: 'return Math.max(arrivalAt, task.now) + (Math.min(task.cost, rate.burst) * rate.perMs) / rate.limit',
    replace: 'return task.now + (Math.min(task.cost, rate.burst) * rate.perMs) / rate.limit',
  },
  {
    name: 'strict order broken by a retry',
    breaks: 'what is tried again keeps its place',
    file: 'store/memory/moves.ts',
    find: 'if (isLive(from) && !isLive(taken.to)) endLife(pass, task, taken)',
    replace:
      "if (isLive(from) && !isLive(taken.to)) endLife(pass, task, taken)\n  if (change.operation === 'retry-later') { const next = leaveSeries(pass.home, task); joinSeries(pass.home, task); if (next !== undefined && next !== task) enterLine(pass, next) }",
  },
  {
    name: 'startBy ignored by claims',
    breaks: 'a task past its startBy or deadline is never claimed',
    file: 'store/memory/claiming.ts',
    find: 'if (endIfOver(claiming, first.item)) continue',
    replace: 'void endIfOver',
  },
  {
    name: 'delay ignored',
    breaks: 'nothing starts before it is due',
    file: 'store/memory/task.ts',
    find: 'now + spec.due.inMs,',
    replace: 'now + Math.min(spec.due.inMs, 1_000),',
  },
  {
    name: 'snooze cut short',
    breaks: 'nothing starts before it is due',
    file: 'store/memory/settling.ts',
    find: 'delayMs === null ? task.runAt : pass.now + delayMs }',
    replace: "delayMs === null || given.count === 'snooze' ? task.runAt : pass.now + delayMs }",
  },
  {
    name: 'tick taken twice',
    breaks: 'each fire time is taken once',
    file: 'store/memory/schedules.ts',
    find: 'row.nextAt !== fireAt || fireAt > now',
    replace: 'row.nextAt === null || fireAt > now',
  },
  {
    name: 'join goes with its first parent',
    breaks: 'a join fires when the last of its parents has ended',
    file: 'policy/dependencies.ts',
    find: 'return end ?? { blockers: blockers - 1, triggers }',
    replace: 'return end ?? { blockers: 0, triggers }',
  },
  {
    name: 'edge resolved for whoever comes late',
    breaks: 'a parent that lives is waited for',
    file: 'store/memory/adding.ts',
    find: "if (!isFinal(state)) return { id: parent, ifFailed, parent: 'open' }",
    replace:
      "if (!isFinal(state)) return { id: parent, ifFailed, parent: state === 'running' ? 'succeeded' : 'open' }",
  },
  {
    name: 'dependents of failures run',
    breaks: 'a dependent ends with a parent that did not succeed',
    file: 'policy/dependencies.ts',
    find: 'const end = succeeded ? null : endOf(ifFailed)',
    replace: 'const end = succeeded || triggers === 0 ? null : endOf(ifFailed)',
  },
  {
    name: 'removed id is as new',
    breaks: 'a tombstone remembers an id',
    file: 'store/memory/adding.ts',
    find: 'pass.home.tasks.get(id)?.spec ?? tombstoneOf(pass, id)\n',
    replace: 'pass.home.tasks.get(id)?.spec\n',
  },
  {
    name: 'group written by halves',
    breaks: 'a group is all or nothing',
    file: 'store/memory/adding.ts',
    find: 'if (refusal !== null) return refusal\n',
    replace:
      'if (refusal !== null) {\n    if (group.tasks[0]!.after.length === 0 && plan.duplicateOf[0] === null && refusal.index > 0) write(pass, group, { plan, index: 0 })\n    return refusal\n  }\n',
  },
  {
    name: 'worker trusts its lease too long',
    breaks: 'a worker distrusts itself before anybody can take its tasks',
    file: 'worker/lease.ts',
    find: 'const MARGIN = 0.1',
    replace: 'const MARGIN = -1',
  },
  {
    name: 'task let go before it is settled',
    breaks: 'what is held is listed until the store has answered',
    file: 'worker/executor.ts',
    find: '    run.end(transition, (verdict) => {\n',
    replace: '    this.#parts.released(run)\n    run.end(transition, (verdict) => {\n',
  },
  {
    name: 'handler started twice',
    breaks: 'a claim is run once',
    file: 'worker/worker.ts',
    find: 'if (session === this.#lease.session) this.#executor.add(held)',
    replace:
      'if (session === this.#lease.session) this.#executor.add(held.length > 1 ? [...held, held[0]!] : held)',
  },
  {
    name: 'ambiguity told as a failure',
    breaks: 'a call that may have had an effect does not say that it had none',
    file: 'client/repeat.ts',
    find: 'if (platform.monotonicMs() + waitMs >= endMs) throw unknown ? ambiguous(error) : error',
    replace: 'if (platform.monotonicMs() + waitMs >= endMs) throw error',
  },
]
