/**
 * The contract of `mailbox/log.ts`, over any log that a `MailboxDriver` stands for: first case by case, then in random
 * histories compared with a list of what was written.
 */
import t from 'tap'
import { putBoundsCases } from './bounds-cases.ts'
import type { PutCase } from './case.ts'
import type { MakeDriver } from './driver.ts'
import { History } from './history.ts'
import { putLifeCases } from './life-cases.ts'
import { putReadingCases } from './reading-cases.ts'
import { randomOf, seed } from './records.ts'

const HISTORIES = 30
const HISTORY_STEPS = 150

export function runMailboxSuite(name: string, make: MakeDriver): void {
  t.comment(`SEED=${seed}`)
  const put: PutCase = (title, run) =>
    t.test(`${name}: ${title}`, async (t) => {
      const driver = make(t, randomOf(seed))
      await run(t, driver)
      driver.close()
    })
  putReadingCases(put)
  putLifeCases(put)
  putBoundsCases(put)
  // A failure names its seed in any report.
  t.test(`${name}: random histories of SEED=${seed}`, async (t) => {
    const random = randomOf(seed)
    for (let i = 0; i < HISTORIES && t.passing(); i++) {
      const driver = make(t, random)
      await new History(t, driver, random).run(HISTORY_STEPS)
      driver.close()
    }
  })
}
