/** What is true of all formats: which files are read and in which order, gzip, resuming, and what is told of the user's faults. */
import { rmSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { nodeFiles } from '../../../src/base/real/node-seam.ts'
import type { Files } from '../../../src/base/seam.ts'
import { csv } from '../../../src/connectors/csv.ts'
import { jsonLinesSource } from '../../../src/connectors/json-lines-source.ts'
import { eventTime, schema } from '../../../src/records/schema.ts'
import { contextOf, readAll } from './support.ts'

const Tick = schema({ at: eventTime() })
const ticks = contextOf(Tick)
const file = (...times: number[]) => `at\n${times.join('\n')}\n`
const seconds = (rows: { at?: unknown }[]) => rows.map(({ at }) => (at as number) / 1e6)

t.test('a directory is read in the order of names, only the files with the right endings', async (t) => {
  const dir = t.testdir({
    'b.csv': file(3, 4),
    'a.csv.gz': gzipSync(file(1, 2)),
    'c.csv': file(),
    'd-2.csv': file(6),
    'd-10.csv': file(5),
    'notes.txt': 'x',
    '.hidden.csv': file(9),
    'more.csv': { 'inner.csv': file(9) },
    'z.jsonl': '{"at":7}\n',
    'z.ndjson.gz': gzipSync('{"at":8}'),
  })
  const { rows, offsets } = await readAll(csv(dir), ticks)
  t.same(seconds(rows), [1, 2, 3, 4, 5, 6])
  t.same(offsets, [0, 1, 2, 3, 4, 5], 'offsets count over the whole directory')
  t.same(seconds((await readAll(jsonLinesSource(pathToFileURL(dir)), ticks)).rows), [7, 8])
})

t.test('gzip of several members, and of nothing', async (t) => {
  const dir = t.testdir({
    'a.csv.gz': Buffer.concat([gzipSync(file(1)), gzipSync('2\n3\n')]),
    'b.jsonl.gz': gzipSync(''),
  })
  t.same(seconds((await readAll(csv(dir), ticks)).rows), [1, 2, 3])
  t.same((await readAll(jsonLinesSource(dir), ticks)).rows, [])
})

t.test('no file, no file of the format, and damaged files are user errors', async (t) => {
  const cut = gzipSync(file(...Array.from({ length: 5000 }, (_, i) => i * 7919)))
  const dir = t.testdir({ 'cut.csv.gz': cut.subarray(0, cut.length - 100), 'plain.csv.gz': file(1), none: {} })
  await t.rejects(csv(`${dir}/none`).check!(ticks), {
    kind: 'user',
    message: `the directory ${dir}/none has no file that ends in .csv or .csv.gz: check the path of the csv source`,
  })
  await t.rejects(jsonLinesSource(`${dir}/x.jsonl`).check!(ticks), {
    kind: 'user',
    code: 'json-lines',
    message: `there is no file ${dir}/x.jsonl: check the path of the json-lines source`,
  })
  await t.rejects(csv(`${dir}/plain.csv.gz`).check!(ticks), {
    kind: 'user',
    message: /cannot be read beyond row 0 \(incorrect header/,
  })
  await t.rejects(readAll(csv(`${dir}/cut.csv.gz`), ticks), {
    kind: 'user',
    message:
      /cut\.csv\.gz cannot be read beyond row \d+ \(unexpected end of file\): see whether it is damaged or cut short/,
  })
})

t.test('a failing read is told, and every file that was opened is closed', async (t) => {
  const dir = t.testdir({ 'a.csv': file(1, 2), 'b.csv.gz': gzipSync(file(3)), 'c.jsonl': '{"at":1}' })
  let open = 0
  let fails = false
  const files: Files = {
    ...nodeFiles,
    openRead(path) {
      const opened = nodeFiles.openRead(path)
      open++
      return {
        read: (position, into) => {
          if (fails) throw new Error('disk on fire')
          return opened.read(position, into)
        },
        size: () => opened.size(),
        close: () => {
          open--
          opened.close()
        },
      }
    },
  }
  const context = { ...ticks, seam: { ...ticks.seam, files } }
  const closed = async (what: string) => {
    // A stream closes its file in the next turns of the event loop.
    for (let turn = 0; turn < 100 && open > 0; turn++) await ticks.seam.scheduler.turn()
    t.equal(open, 0, what)
  }
  for (const source of [csv(dir), jsonLinesSource(dir)]) {
    await source.check!(context)
    await closed(`${source.kind}, checked`)
    await readAll(source, context)
    await closed(`${source.kind}, read`)
    const reader = await source.open(context, 0, null)
    await reader.read(1)
    await reader.close()
    await closed(`${source.kind}, closed in the middle`)
    fails = true
    await t.rejects(readAll(source, context), { kind: 'user', message: /cannot be read beyond row 0 \(disk on fire\)/ })
    await closed(`${source.kind}, failed`)
    fails = false
    const position = { file: 'x', index: 9, row: 1, offset: 1 }
    await t.rejects(source.open(context, 0, position), { kind: 'user', message: /./ })
    await closed(`${source.kind}, not resumed`)
  }
})

t.test('files that are not as they were cannot be resumed', async (t) => {
  const dir = t.testdir({ 'b.csv': file(1, 2), 'c.csv': file(3, 4) })
  const source = csv(dir)
  const { positions } = await readAll(source, ticks, { rowsMax: 1 })
  const position = positions[3]!
  t.same(position, { file: 'c.csv', index: 1, row: 2, offset: 4 })
  const refused = (message: RegExp) => t.rejects(source.open(ticks, 0, position), { kind: 'user', message })
  writeFileSync(`${dir}/c.csv`, file(3))
  await refused(/c\.csv has 1 rows and had 2: put it back as it was, or start anew/)
  writeFileSync(`${dir}/a.csv`, file(0))
  await refused(/c\.csv, where the csv source stood, is now number 3 of them and not 2/)
  rmSync(`${dir}/c.csv`)
  await refused(/c\.csv, where the csv source stood, is gone/)
})

t.test('files that came after the position are read', async (t) => {
  const dir = t.testdir({ 'a.csv': file(1, 2) })
  const { positions } = await readAll(csv(dir), ticks)
  writeFileSync(`${dir}/b.csv`, file(3))
  const { rows, offsets } = await readAll(csv(dir), ticks, { position: positions[0]! })
  t.same(seconds(rows), [3])
  t.same(offsets, [2])
})
