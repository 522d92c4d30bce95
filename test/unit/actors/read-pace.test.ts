import t from 'tap'
import { ReadPace } from '../../../src/actors/read-pace.ts'

const limits = { epochRowsMax: 10_000, batchBytesMax: 100_000, outboxBytesMax: 50_000 }

t.test('a source begins with few rows, and asks for more as they prove narrow', (t) => {
  const pace = new ReadPace()
  const asked: number[] = []
  for (let i = 0; i < 5; i++) {
    const rows = pace.rows(limits)
    asked.push(rows)
    pace.told(limits, rows, rows * 2, rows * 2)
  }
  t.strictSame(asked, [256, 1024, 4096, 10_000, 10_000])
  t.end()
})

t.test('rows that are wide, or are made wide, are asked for as they fit; one at the least', (t) => {
  const pace = new ReadPace()
  pace.told(limits, 256, 256 * 1000, 256)
  t.equal(pace.rows(limits), 100, 'read')
  pace.told(limits, 100, 100, 100 * 1000)
  t.equal(pace.rows(limits), 50, 'put out')
  pace.told(limits, 50, 50, 50 * 1e6)
  t.equal(pace.rows(limits), 1)
  pace.told(limits, 0, 0, 0)
  t.equal(pace.rows(limits), 1, 'nothing says nothing')
  t.end()
})
