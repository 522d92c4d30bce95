/** The log in memory, put through the suite of the contract. */
import { MemoryLog } from '../../../src/mailbox/memory-log.ts'
import type { MakeDriver } from './driver.ts'
import { runMailboxSuite } from './suite.ts'

const makeMemoryDriver: MakeDriver = (_, random) => {
  const announcements = new Map<string, number>()
  const senders = new Set<string>()
  const announced = (sender: string) => announcements.get(sender) ?? -1
  const announce = (sender: string, epoch: number) => {
    senders.add(sender)
    announcements.set(sender, Math.max(announced(sender), epoch))
  }
  const log = new MemoryLog({ random, announced, announce })
  return {
    log,
    hasZombies: true,
    announced,
    announce,
    async step() {
      log.step()
      await new Promise(setImmediate)
    },
    async crash() {
      for (const sender of senders) log.crash(sender)
      announcements.clear()
    },
    close() {},
  }
}

runMailboxSuite('memory', makeMemoryDriver)
