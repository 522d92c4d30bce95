/**
 * Dead letters in the end: what the owner's markers say was taken once more is once in the result, or among the dead letters
 * again, and nothing else of it (RT-1); every row that was turned away is told of once, and once more each time that it was
 * retried as it was; and numbers of letters stay what they were when somebody looked. Rows that were put in the place of others are known by a value `again-<number of the letter>`; no other
 * two that are turned away are alike.
 */
import { type DeadLetter, readDeadLetters } from '../actors/dead-letter-file.ts'
import { logDirectory } from '../actors/job.ts'
import { type RetryOrder, readOrders } from '../actors/letter-orders.ts'
import { ownerOf } from '../actors/retry-queue.ts'
import type { Files } from '../base/seam.ts'
import { embeddedLogs, readLastMarker, type SeenLogs } from '../recovery/last-marker.ts'
import type { Plan } from '../topology/plan.ts'

type Lines = Readonly<Record<string, readonly string[]>>

/** What a run has left. */
interface Left {
  readonly files: Files
  readonly plan: Plan
  readonly directory: string
  /** Default: the embedded ones. */
  readonly logs: SeenLogs | undefined
}

const AGAIN = /again-(\d+)/

/** The result, but for rows that were retried. */
export const withoutRetried = (result: Lines): Lines =>
  Object.fromEntries(Object.entries(result).map(([name, lines]) => [name, lines.filter((line) => !AGAIN.test(line))]))

/** @returns what is wrong, and the rows that were turned away, each once, without those that were put in their place */
export async function checkLetters(
  left: Left,
  result: Lines,
): Promise<{ problems: readonly string[]; refused: readonly string[] }> {
  const { files, directory, logs } = left
  const letters = await readDeadLetters(files, directory, logs)
  const rows = letters.map(({ row }) => row)
  const { problems, others, same } = await takenOf(left)
  for (const order of readOrders(files, directory)) {
    if (order.kind === 'retry' && !isOf(order, letters[order.letter - 1]))
      problems.push(`dead letter ${order.letter} was retried as one from ${order.stage}, and is another one now`)
  }
  const found = [...Object.values(result).flat(), ...rows].flatMap(
    (line) => AGAIN.exec(line)?.slice(1).map(Number) ?? [],
  )
  const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b).join()
  if (sorted(found) !== sorted(others))
    problems.push(
      `of dead letters retried, ${sorted(found)} are in the result or turned away again, ${sorted(others)} were taken`,
    )
  const refused = [...new Set(rows.filter((row) => !AGAIN.test(row)))].sort()
  const countOf = (row: string, all: readonly string[]) => all.filter((one) => one === row).length
  for (const row of refused) {
    const [told, again] = [countOf(row, rows), countOf(row, same)]
    if (told !== 1 + again) problems.push(`${told} dead letters tell of ${row}, which was retried ${again} times`)
  }
  return { problems, refused }
}

/** Whether the letter of that number is still the one that was looked at. */
const isOf = ({ stage, split, offset, node }: RetryOrder, letter: DeadLetter | undefined): boolean =>
  letter?.source === stage && letter.split === split && letter.offset === offset && letter.node === node

/** Letters in whose place another row was taken, and rows that were taken as they were. */
async function takenOf({ files, plan, directory, logs = embeddedLogs(files, logDirectory(directory)) }: Left) {
  const taken = { problems: [] as string[], others: [] as number[], same: [] as string[] }
  for (const order of readOrders(files, directory)) {
    if (order.kind === 'drop') continue
    const owner = ownerOf(plan, order)
    const last = (await readLastMarker(logs, owner))?.marker
    if (last !== undefined && last.inbox.retried >= order.order) {
      if (AGAIN.test(order.row)) taken.others.push(order.letter)
      else taken.same.push(order.row)
    } else if (last?.isRetired)
      taken.problems.push(`${owner} handed over and did not retry dead letter ${order.letter}`)
  }
  return taken
}
