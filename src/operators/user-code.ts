/** What a user's function throws: named with its operator, or, by the topology's policy, the end of one row alone. */
import { UmbelError, userError } from '../base/errors.ts'
import type { Timestamp } from '../base/time.ts'
import type { Batch } from '../records/batch.ts'
import type { UserValue } from '../records/column.ts'
import { originBytes } from '../records/origin.ts'

/** Stands around the calls of a user's functions. */
export interface Guard {
  /** Comes before each call. @throws LeftOut in the place of a call that is left out */
  call(): void
  /** Takes a row on which a function threw out of the stream, or throws where the policy is to fail. */
  refuse(given: Given, error: unknown): void
  /** False where every error ends the run, so that nothing need be undone. */
  readonly mayRefuse: boolean
}

/** What a function was called with: a row, or a timer. */
export interface Given {
  readonly at: Timestamp
  readonly row: Readonly<Record<string, UserValue>>
  readonly diff: number
  /** Where the row comes from; null where that is not known. */
  readonly origin: Uint8Array | null
}

export const givenRow = (batch: Batch, row: number): Given => ({
  at: batch.times[row]!,
  row: batch.row(row),
  diff: batch.diff(row),
  origin: batch.origins && originBytes(batch.origins, row),
})

/** Lets every call be made, and every error go on. */
export const NO_GUARD: Guard = {
  call() {},
  refuse(_given, error) {
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
