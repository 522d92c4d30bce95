/** What the cases of the suite share: how one is put, what is written by default, and what is read of it. */
import type { Test } from 'tap'
import { begin, type MailboxDriver, write } from './driver.ts'
import { EDGES, recordOf, textOf, textOfRead } from './records.ts'

/** Puts one case: a title and what to do with a new log. */
export type PutCase = (title: string, run: (t: Test, driver: MailboxDriver) => Promise<unknown>) => void

export const SENDER = 'stage/0'
export const corrupt = { kind: 'corruption', code: 'log' }
export const fenced = { kind: 'fenced', code: 'fenced' }

/** Records of epochs `from` to `to`. */
export const records = (from: number, to: number, tag = 'a') =>
  Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => recordOf(from + i, tag))

/** Everything that can be read behind `after`. */
export async function readAll(driver: MailboxDriver, after = 0, partition = 0, edges: readonly number[] = EDGES) {
  const reader = driver.log.reader(SENDER, edges, partition, after)
  const texts: string[] = []
  for (let record = await reader.next(); record !== null; record = await reader.next()) texts.push(textOfRead(record)!)
  reader.close()
  return texts
}

export const texts = (from: number, to: number, tag = 'a', partition = 0) =>
  records(from, to).map(({ epoch }) => textOf(epoch, tag, partition))

/** Writes epochs 1 to `count` and dies with nothing in flight. */
export async function written(driver: MailboxDriver, count: number): Promise<void> {
  await write(driver, await begin(driver, SENDER), records(1, count))
  await driver.crash()
}
