/**
 * Dead letters that were taken once more: what the owner's markers say was taken is once in the result, or among the dead
 * letters again, and nothing else of it (RT-1). Rows that were put in the place of others are known by a value
 * `again-<number of the letter>`.
 */

import { readDeadLetters } from '../actors/dead-letter-file.ts'
import { readOrders } from '../actors/letter-orders.ts'
import { ownerOf } from '../actors/retry-queue.ts'
import { shardFolder } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import { EmbeddedLog } from '../mailbox/embedded-log.ts'
import { findEnd, listSegments } from '../mailbox/segment-chain.ts'
import { decodeMarker, type Marker } from '../recovery/marker.ts'
import type { Plan } from '../topology/plan.ts'

type Lines = Readonly<Record<string, readonly string[]>>

const AGAIN = /again-(\d+)/

/** The result, but for rows that were retried. */
export const withoutRetried = (result: Lines): Lines =>
  Object.fromEntries(Object.entries(result).map(([name, lines]) => [name, lines.filter((line) => !AGAIN.test(line))]))

export async function checkRetries(files: Files, plan: Plan, directory: string, result: Lines): Promise<string[]> {
  const lines = [...Object.values(result).flat(), ...readDeadLetters(files, directory).map(({ row }) => row)]
  const found = lines.flatMap((line) => AGAIN.exec(line)?.slice(1).map(Number) ?? [])
  const taken: number[] = []
  const problems: string[] = []
  for (const order of readOrders(files, directory)) {
    if (order.kind === 'drop' || !AGAIN.test(order.row)) continue
    const owner = ownerOf(plan, order)
    const last = await lastMarker(files, `${directory}/log`, owner)
    if (last !== null && last.inbox.retried >= order.order) taken.push(order.letter)
    else if (last?.isRetired) problems.push(`${owner} handed over and did not retry dead letter ${order.letter}`)
  }
  const sorted = (numbers: number[]) => numbers.sort((a, b) => a - b).join()
  if (sorted(found) !== sorted(taken))
    problems.push(
      `of dead letters retried, ${sorted(found)} are in the result or turned away again, ${sorted(taken)} were taken`,
    )
  return problems
}

async function lastMarker(files: Files, directory: string, shard: string): Promise<Marker | null> {
  const log = new EmbeddedLog({ files, directory, announced: () => -1, announce: () => {} })
  const end = findEnd(files, listSegments(files, `${directory}/${shardFolder(shard)}`))
  for await (const { marker } of log.markers(shard, end, end)) return decodeMarker(marker)
  return null
}
