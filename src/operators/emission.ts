/**
 * Where an emission of groups in key order pauses: behind the group that spends the budget. A group counts by its output
 * row and the text of its key, so that it is the same one whether groups come from memory or from stored runs.
 */
import type { Budget } from '../base/budget.ts'
import { isSpent, spend } from '../base/budget.ts'

/**
 * Counts the groups from `from` on down, until the budget is spent.
 * @param keyBytes the length of the i-th group's key, or null where all rows are of one size
 * @returns the end of those that fit
 */
export function spendGroups(
  budget: Budget,
  { from, to, rowBytes }: { from: number; to: number; rowBytes: number },
  keyBytes: ((i: number) => number) | null,
): number {
  if (keyBytes === null) {
    const count = Math.max(0, Math.min(to - from, budget.rows, Math.ceil(budget.bytes / rowBytes)))
    spend(budget, count, count * rowBytes)
    return from + count
  }
  let at = from
  while (at < to && !isSpent(budget)) spend(budget, 1, rowBytes + keyBytes(at++))
  return at
}
