import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Changelog, type ChangelogPlan } from '../../../src/operators/changelog.ts'
import { bool, eventTime, int, makeSchema, schema } from '../../../src/records/schema.ts'
import { anySchema, batchOf, linesOf, Recorder, runs, updatesOf } from './support.ts'

const Job = schema({ at: eventTime(), user: int(), job: int() })
const job = (at: number, user: number, number: number) => ({ at, user, job: number })
const began = (at: number, user: number, number: number) => ({ row: job(at, user, number), diff: 1 })
const ended = (at: number, user: number, number: number) => ({ row: job(at, user, number), diff: -1 })

const changelog = (options: Partial<ChangelogPlan> = {}) => {
  const plan: ChangelogPlan = {
    ...{ input: anySchema(Job), output: makeSchema({ ...Job.fields, ended: bool() }), column: 'ended' },
    ...{ marks: 'delete', bound: 0, origin: null, ...options },
  }
  return new Recorder((context) => new Changelog(plan, context))
}

t.test('what begins and what ends are rows at their times', (t) => {
  const run = changelog()
  run.push(batchOf(Job, [began(2, 1, 1), ended(6, 1, 1), began(6, 1, 3), ended(8, 1, 3), began(8, 1, 4)]))
  t.strictSame(updatesOf(run.emitted), [
    '+ at=2 user=1 job=1 ended=false',
    '+ at=6 user=1 job=1 ended=true',
    '+ at=6 user=1 job=3 ended=false',
    '+ at=8 user=1 job=3 ended=true',
    '+ at=8 user=1 job=4 ended=false',
  ])
  t.end()
})

t.test(
  'what a late update changes is put right, also over a restart, and counts go once nothing comes any more',
  async (t) => {
    const run = changelog({ bound: 10, marks: 'insert' })
    run.push(batchOf(Job, [began(2, 1, 1), ended(6, 1, 1), began(6, 1, 2)]))
    run.advance([9])
    await run.reopen()
    // Job 1 went on to 7 after all.
    run.push(batchOf(Job, [began(6, 1, 1), ended(6, 1, 2), ended(7, 1, 1), began(7, 1, 2)]))
    t.strictSame(linesOf(run.emitted), [
      'at=2 user=1 job=1 ended=true',
      'at=7 user=1 job=1 ended=false',
      'at=7 user=1 job=2 ended=true',
    ])
    run.advance([17])
    t.equal(run.keysOf('counts').length, 2)
    run.advance([18])
    t.equal(run.keysOf('counts').length, 0)
  },
)

t.test('the order of arrival does not matter, nor do crashes', async () => {
  const update = fc.record({
    row: fc.record({ at: fc.nat(4), user: fc.nat(1), job: fc.nat(1) }, { noNullPrototype: true }),
    diff: fc.constantFrom(1, -1),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(update, fc.nat(5)), { maxLength: 20 }), async (updates) => {
      const sums = new Map<string, number>()
      const run = changelog()
      for (const [one, what] of updates) {
        run.push(batchOf(Job, [one]))
        if (what === 0) await run.reopen()
        if (what === 1) await run.crash()
        const { at, user, job: number } = one.row
        const text = `at=${at} user=${user} job=${number}`
        sums.set(text, (sums.get(text) ?? 0) + one.diff)
      }
      const expected = [...sums].flatMap(([text, sum]) => {
        const times = Math.abs(sum)
        return times === 0 ? [] : [`${times === 1 ? '' : `${times} x `}${text} ended=${sum < 0}`]
      })
      deepStrictEqual(linesOf(run.emitted).sort(), expected.sort())
    }),
    { numRuns: runs(200) },
  )
})
