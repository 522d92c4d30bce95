/** What a user's function throws: named with its operator, or, by the topology's policy, the end of one row alone. */
import { UmbelError, userError } from '../base/errors.ts'
import type { Timestamp } from '../base/time.ts'
import type { UserValue } from '../records/column.ts'

/** Stands around the calls of a user's functions. */
export interface Guard {
  /** Comes before each call. @throws LeftOut in the place of a call that is left out */
  call(): void
  /** Takes a row on which a function threw out of the stream, or throws where the policy is to fail. */
  refuse(at: Timestamp, row: RefusedRow, diff: number, error: unknown): void
  /** False where every error ends the run, so that nothing need be undone. */
  readonly mayRefuse: boolean
}

/** The row, or what else was handed to the function. */
export type RefusedRow = Readonly<Record<string, UserValue>>

/** Lets every call be made, and every error go on. */
export const NO_GUARD: Guard = {
  call() {},
  refuse(_at, _row, _diff, error) {
    throw error
  },
  mayRefuse: false,
}

/** True for what a user's function did wrong with a row; damage and broken laws are no row's fault. */
export const isOfRow = (error: unknown): boolean =>
  !(error instanceof UmbelError) || error.kind === 'user' || error.kind === 'record'

/** Wraps what a user's function throws, so that the message names the operator. */
export function withOperator<T>(name: string, run: () => T): T {
  try {
    return run()
  } catch (error) {
    if (error instanceof UmbelError) throw error
    throw userError('user-code', `${name} threw ${(error as Error)?.stack ?? String(error)}`, error)
  }
}
