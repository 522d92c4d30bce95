import t from 'tap'
import type { RetryOrder } from '../../../src/actors/letter-orders.ts'
import { ownerOf } from '../../../src/actors/retry-queue.ts'
import { shardOf } from '../../../src/base/key-group.ts'
import { csvFile, eventTime, generator, int, schema, source, string, topology } from '../../../src/index.ts'
import { BatchBuilder } from '../../../src/records/batch.ts'
import { hashRows } from '../../../src/records/key.ts'
import { plan } from '../../../src/topology/plan.ts'

const Row = schema({ at: eventTime(), user: string(), n: int() })
const rows = source('rows', Row, generator({ rows: 9, splits: 4, row: (n) => ({ at: n, user: `u${n}`, n }) }))
const whole = topology(
  'few',
  rows
    .keyBy('user')
    .filter(({ n }) => n > 1)
    .to(csvFile('out.csv')),
)
const before = plan(whole, 4)
const after = plan(whole, 4, [{ stage: 'by-user', shards: 7 }])
const filter = before.stages.flatMap(({ nodes }) => nodes).find(({ node }) => node.kind === 'filter')!.node.id

const order = (more: Partial<RetryOrder>): RetryOrder => ({
  kind: 'retry',
  order: 1,
  letter: 1,
  stage: 'by-user',
  layout: 0,
  node: filter,
  split: 0,
  offset: null,
  row: '{}',
  diff: 1,
  ...more,
})

function shardOfUser(user: string, shards: number): number {
  const builder = new BatchBuilder(Row)
  builder.push({ at: 0, user, n: 1 })
  const hash = new Uint32Array(1)
  hashRows(builder.finish(), [1], hash)
  return shardOf(hash[0]!, shards)
}

t.test('a keyed row is its key’s, in the generation of the order', async (t) => {
  for (const user of ['ann', 'bob', 'cyd', 'dee', 'eve']) {
    const row = JSON.stringify({ at: '2026-01-01T00:00:00Z', user, n: 5 })
    t.equal(ownerOf(before, order({ row })), `by-user/${shardOfUser(user, 4)}`)
    t.equal(ownerOf(after, order({ row })), `by-user/${shardOfUser(user, 4)}`)
    t.equal(ownerOf(after, order({ row, layout: 1 })), `by-user@1/${shardOfUser(user, 7)}`)
  }
})

t.test('a row of a source is that of whoever reads its split; one that none can read, of where it was', async (t) => {
  t.equal(ownerOf(before, order({ stage: 'rows', node: null, split: 3 })), 'rows/3')
  t.equal(ownerOf(before, order({ row: '{"user":7}', split: 2 })), 'by-user/2')
})
