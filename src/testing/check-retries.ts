/**
 * Dead letters that were taken once more: what the owner's markers say was taken is once in the result, or among the dead
 * letters again, and nothing else of it (RT-1). Rows that were put in the place of others are known by a value
 * `again-<number of the letter>`.
 */
import { readDeadLetters } from '../actors/dead-letter-file.ts'
import { logDirectory } from '../actors/job.ts'
import { readOrders } from '../actors/letter-orders.ts'
import { ownerOf } from '../actors/retry-queue.ts'
import type { Files } from '../base/seam.ts'
import { readLastMarker } from '../recovery/last-marker.ts'
import type { Plan } from '../topology/plan.ts'

type Lines = Readonly<Record<string, readonly string[]>>

const AGAIN = /again-(\d+)/

/** The result, but for rows that were retried. */
export const withoutRetried = (result: Lines): Lines =>
  Object.fromEntries(Object.entries(result).map(([name, lines]) => [name, lines.filter((line) => !AGAIN.test(line))]))

export async function checkRetries(files: Files, plan: Plan, directory: string, result: Lines): Promise<string[]> {
  const lines = [...Object.values(result).flat(), ...(await readDeadLetters(files, directory)).map(({ row }) => row)]
  const found = lines.flatMap((line) => AGAIN.exec(line)?.slice(1).map(Number) ?? [])
  const taken: number[] = []
  const problems: string[] = []
  for (const order of readOrders(files, directory)) {
    if (order.kind === 'drop' || !AGAIN.test(order.row)) continue
    const owner = ownerOf(plan, order)
    const last = (await readLastMarker(files, logDirectory(directory), owner))?.marker
    if (last !== undefined && last.inbox.retried >= order.order) taken.push(order.letter)
    else if (last?.isRetired) problems.push(`${owner} handed over and did not retry dead letter ${order.letter}`)
  }
  const sorted = (numbers: number[]) => numbers.sort((a, b) => a - b).join()
  if (sorted(found) !== sorted(taken))
    problems.push(
      `of dead letters retried, ${sorted(found)} are in the result or turned away again, ${sorted(taken)} were taken`,
    )
  return problems
}
