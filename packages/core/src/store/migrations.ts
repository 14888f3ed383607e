/**
 * Bringing a store's schema up to date by hand: what a backend that has one offers beside the port, so that the
 * command line can print and rehearse it without knowing any engine.
 *
 * A schema says two things: its version, and the oldest version that code must know to work with it. Code works
 * with a newer schema as long as that allows it, so that processes can be upgraded one after the other, behind
 * the schema.
 */

export interface Migrator {
  /**
   * What is to be done. It looks, and changes nothing.
   *
   * @throws StoreError `store-schema` if this code cannot work with the schema, another `store-…` if it cannot look
   */
  plan(): Promise<MigrationPlan>
  /**
   * Does it, under a lock: of several processes one is first, and the others find it done. Broken off, it can be
   * called again. Answers what was done.
   *
   * @throws StoreError
   */
  migrate(): Promise<MigrationPlan>
  /**
   * Does it and takes it back, up to the first step that cannot be taken back. Answers what is to be done.
   *
   * @throws StoreError
   */
  rehearse(): Promise<MigrationPlan>
}

/** What lies between the schema that is there and the one that this code wants. */
export interface MigrationPlan {
  /** The version of the schema that is there; 0: none. It may be newer than `to`. */
  readonly from: number
  /** The version that this code works with best. */
  readonly to: number
  /** In their order; none: there is nothing to do. */
  readonly steps: readonly MigrationStep[]
  /** All of it as a script for the engine's own shell, which may be run instead; empty: there is nothing to do. */
  readonly script: string
}

/** One step of a migration. */
export interface MigrationStep {
  /** The version of the schema that it is part of the way to. */
  readonly version: number
  /** `online`: outside of a transaction, while the store is worked with; such a step cannot be taken back. */
  readonly manner: 'in a transaction' | 'online'
  /** How many statements it has. */
  readonly statements: number
}

/** How many statements a script has. Quoted texts, bodies in dollars and comments may hold semicolons. */
export function statementsIn(script: string): number {
  const bare = script.replaceAll(/--[^\n]*|'(?:[^']|'')*'|\$\$[\s\S]*?\$\$/g, (found) =>
    found.startsWith('--') ? '' : 'quoted',
  )
  return bare.split(';').filter((statement) => statement.trim() !== '').length
}
