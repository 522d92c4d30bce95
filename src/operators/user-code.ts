/** What a user's function throws: named with its operator, or, by the topology's policy, the end of one row alone. */
import { UmbelError, userError } from '../base/errors.ts'
import type { Timestamp } from '../base/time.ts'
import type { Value } from '../records/column.ts'

/** Takes a row on which a user's function threw out of the stream, or throws where the policy is to fail. */
export type Refuse = (at: Timestamp, row: Readonly<Record<string, Value | readonly Value[]>>, error: unknown) => void

/** The policy of failing: every error goes on. */
export const refuseNone: Refuse = (_at, _row, error) => {
  throw error
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
