/** What a log must bring to be put through the suite: the log itself, its time, and its deaths. */
import type { Test } from 'tap'
import type { LogWriter, MailboxLog, OutgoingRecord } from '../../../src/mailbox/log.ts'

export interface MailboxDriver {
  /** The log as the processes of now see it; another one after a crash. */
  readonly log: MailboxLog
  /** Whether an older life's writer may live on when a newer one claims. */
  readonly hasZombies: boolean
  announced(sender: string): number
  announce(sender: string, epoch: number): void
  /** Lets a moment pass: some of what is in flight becomes durable. */
  step(): Promise<void>
  /**
   * Everything stops: writers end, announcements are forgotten, and of what was in flight each record is wholly there or
   * not. Appends under way reject.
   */
  crash(): Promise<void>
  close(): void
}

export type MakeDriver = (t: Test, random: () => number) => MailboxDriver

/** Starts a life as a shard does: claims the sender, and tells the others how far it is. */
export async function begin(driver: MailboxDriver, sender: string, known = { epoch: 0, incarnation: 0 }) {
  const writer = await driver.log.claim(sender, known)
  driver.announce(sender, writer.end)
  return writer
}

/** Lets time pass until all have settled. */
export async function settle<T>(driver: MailboxDriver, promises: readonly Promise<T>[]) {
  const settled = Promise.allSettled(promises)
  let isOver = false
  void settled.then(() => (isOver = true))
  for (let step = 0; !isOver; step++) {
    if (step > 1000) throw new Error('an append does not end')
    await driver.step()
  }
  return settled
}

/** Appends records one by one. */
export async function write(driver: MailboxDriver, writer: LogWriter, records: readonly OutgoingRecord[]) {
  for (const record of records) {
    const [result] = await settle(driver, [writer.append(record)])
    if (result!.status === 'rejected') throw result!.reason
  }
}
