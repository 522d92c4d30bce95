import t from 'tap'
import { FLOOR, packTime, unpackTime, versionKey } from '../../../src/operators/index/versions.ts'
import { ScratchTable } from '../../../src/operators/scratch-table.ts'
import { takeOverByKey } from '../../../src/operators/take-over.ts'
import { packValues } from '../../../src/records/key.ts'
import { eventTime, int, makeSchema } from '../../../src/records/schema.ts'

const tablesOf = () => {
  const tables = new Map<string, ScratchTable>()
  return (name: string) => {
    if (!tables.has(name)) tables.set(name, new ScratchTable())
    return tables.get(name)!
  }
}

t.test('an index is taken over key by key; its history is whole from where that of all is', (t) => {
  const from = [tablesOf(), tablesOf()]
  from.forEach((tables, shard) => {
    tables('progress').put(FLOOR, packTime(50 + 20 * shard))
    tables('progress').put(Buffer.from([0]), Buffer.from([shard]))
    for (let key = shard; key < 20; key += 2)
      tables('versions').put(versionKey(packValues([key]), 1), Buffer.from([key]))
  })
  const to = tablesOf()
  const owned: number[] = []
  const owns = (hash: number) => hash % 3 === 0
  const limits = { batchBytesMax: 1, outboxBytesMax: 1, cacheBytesMax: 1, writeSetBytesMax: 1 }
  const schema = makeSchema({ at: eventTime(), key: int() })
  for (const _ of takeOverByKey({ from, to, owns, limits, routing: ['key'] }, schema, ['key'], ['versions'])) void _
  for (const [, value] of to('versions').range()) owned.push(value[0]!)
  t.ok(owned.length > 0 && owned.length < 20, `${owned.length} keys`)
  t.equal(unpackTime(to('progress').get(FLOOR)!), 70)
  t.equal(to('progress').get(Buffer.from([0])), undefined, "how far a shard's own sweep had come")
  t.end()
})
