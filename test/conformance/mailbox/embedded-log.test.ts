/**
 * The embedded log, put through the suite of the contract: on real files whose writes are held back and torn, with
 * segments so small that every history rolls over many.
 */
import { EmbeddedLog } from '../../../src/mailbox/embedded-log.ts'
import type { MakeDriver } from './driver.ts'
import { HeldFiles } from './held-files.ts'
import { runMailboxSuite } from './suite.ts'

const segmentBytes = 8192

const makeEmbeddedDriver: MakeDriver = (t, random) => {
  const directory = t.testdir()
  const announcements = new Map<string, number>()
  const announced = (sender: string) => announcements.get(sender) ?? -1
  const announce = (sender: string, epoch: number) => void announcements.set(sender, Math.max(announced(sender), epoch))
  let held = new HeldFiles(random)
  const open = () => new EmbeddedLog({ files: held.files, directory, announced, announce, segmentBytes })
  let log = open()
  return {
    get log() {
      return log
    },
    hasZombies: false,
    announced,
    announce,
    async step() {
      held.step()
      await new Promise(setImmediate)
    },
    async crash() {
      held.crash()
      await new Promise(setImmediate)
      announcements.clear()
      held = new HeldFiles(random)
      log = open()
    },
    close: () => held.close(),
  }
}

runMailboxSuite('embedded', makeEmbeddedDriver)
