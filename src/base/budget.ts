/**
 * What may still be emitted before an epoch should end; counted down while windows fire. A replay must stop at the same
 * row: both numbers follow from the rows alone, never from how they were batched or where they were kept.
 */
export interface Budget {
  rows: number
  bytes: number
}

/** The row that spends the last of it is still emitted: one that is larger than all of it passes too. */
export const isSpent = ({ rows, bytes }: Budget): boolean => rows <= 0 || bytes <= 0

/** Counts down, to where `isSpent` is said. */
export function spend(budget: Budget, rows: number, bytes: number): void {
  budget.rows -= rows
  budget.bytes -= bytes
}
