/** Files are written by DuckDB, so that what is read comes from another hand. */
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { DuckDBInstance } from '@duckdb/node-api'
import t, { type Test } from 'tap'
import type { ReadableFile } from '../../../src/base/seam.ts'
import { parquet } from '../../../src/connectors/parquet.ts'
import { decimalReader, scaleOf } from '../../../src/connectors/parquet-decimal.ts'
import {
  bool,
  bytes,
  date,
  decimal,
  eventTime,
  type Fields,
  float,
  int,
  optional,
  schema,
  string,
  time,
} from '../../../src/records/schema.ts'
import { checkResume, contextOf, readAll } from './support.ts'

const database = await DuckDBInstance.create(':memory:')
const connection = await database.connect()
t.teardown(() => {
  connection.closeSync()
  database.closeSync()
})

/** Writes what a query gives; returns the file. */
async function write(t: Test, query: string, options = ''): Promise<string> {
  const file = path.join(t.testdirName, 'in.parquet')
  fs.mkdirSync(t.testdirName, { recursive: true })
  t.teardown(() => fs.rmSync(t.testdirName, { recursive: true, force: true }))
  await connection.run(`copy (${query}) to '${file}' (format parquet${options})`)
  return file
}

const rowsOf = async (file: string, fields: Fields) =>
  (await readAll(parquet(file), contextOf(schema(fields as never)))).rows

const checked = async (file: string, fields: Fields): Promise<void> =>
  parquet(file).check!(contextOf(schema(fields as never)))

t.test('values of every type, and nulls', async (t) => {
  const file = await write(
    t,
    `select * from (values
      (timestamp '2001-01-13 09:30:00.000001', 1::int, 2::bigint, 3::smallint, 0.5::double, 0.25::float, true, 'ä,"', 'x'::blob, date '1969-12-31', 7::bigint),
      (timestamp '1969-12-31 23:59:59.999999', null, null, null, null, null, null, null, null, null, null))
     rows("at", i, l, s, d, f, b, t, y, day, n)`,
  )
  const rows = await rowsOf(file, {
    at: eventTime(),
    i: optional(int()),
    l: optional(int()),
    s: optional(int()),
    d: optional(float()),
    f: optional(float()),
    b: optional(bool()),
    t: optional(string()),
    y: optional(bytes()),
    day: optional(date()),
    n: optional(float()),
  })
  const whole = { i: 1, l: 2, s: 3, d: 0.5, f: 0.25, b: true, t: 'ä,"', y: Uint8Array.of(120), day: -1, n: 7 }
  const none = Object.fromEntries(Object.keys(whole).map((name) => [name, null]))
  t.same(rows, [
    { at: Date.UTC(2001, 0, 13, 9, 30) * 1000 + 1, ...whole },
    { at: -1, ...none },
  ])
})

t.test('timestamps of every unit are microseconds, with nulls, with a zone or without', async (t) => {
  const file = await write(
    t,
    `select timestamp '2001-01-13 09:30:00.123456' + interval (i) microsecond as at,
       case when i = 1 then null else timestamp_ms '2001-01-13 09:30:00.123' end as ms,
       case when i = 1 then null else timestamp_s '2001-01-13 09:30:00' end as s,
       case when i = 1 then null else timestamp_ns '2001-01-13 09:30:00.123456789' end as ns,
       case when i = 1 then null else timestamptz '2001-01-13 10:30:00.123456+01' end as tz
     from range(3) r(i)`,
  )
  const stamp = optional(time())
  const rows = await rowsOf(file, { at: eventTime(), ms: stamp, s: stamp, ns: stamp, tz: stamp })
  const second = Date.UTC(2001, 0, 13, 9, 30) * 1000
  const units = { ms: second + 123_000, s: second, ns: second + 123_456, tz: second + 123_456 }
  t.same(rows, [
    { at: second + 123_456, ...units },
    { at: second + 123_457, ms: null, s: null, ns: null, tz: null },
    { at: second + 123_458, ...units },
  ])
})

t.test('bytes that are no text come through as they are', async (t) => {
  const file = await write(t, `select timestamp '2001-01-01' as at, '\\xff\\x00\\xfe'::blob as y`)
  t.same((await rowsOf(file, { at: eventTime(), y: bytes() }))[0]!.y, Uint8Array.of(255, 0, 254))
})

const ROWS = `select timestamp '2001-01-01' + interval (i) second as at, i, 'text ' || (i % 7) as text from range(5000) r(i)`

t.test('row groups are read one after the other; every position resumes', async (t) => {
  const file = await write(t, ROWS, ', row_group_size 2048')
  const fields = schema({ at: eventTime(), i: int(), text: string() })
  const source = parquet(file)
  const whole = await readAll(source, contextOf(fields), { rowsMax: 777 })
  t.same(
    whole.rows.map((row) => row.i),
    Array.from({ length: 5000 }, (_, i) => i),
  )
  t.same(whole.offsets.at(-1), 4999)
  for (const row of [0, 1, 2047, 2048, 2049, 4095, 4096, 4999, 5000]) {
    const rest = await readAll(source, contextOf(fields), {
      position: { file: 'in.parquet', index: 0, row, offset: row },
      rowsMax: 1000,
    })
    t.same(rest.rows, whole.rows.slice(row), `from row ${row}`)
    t.same(rest.offsets[0] ?? row, row)
  }
})

t.test('every single row resumes', async (t) => {
  const file = await write(t, `select * from (${ROWS}) limit 12`)
  await checkResume(t, parquet(file), contextOf(schema({ at: eventTime(), i: int() })))
})

t.test('rows beyond the limit are not read', async (t) => {
  const file = await write(t, ROWS, ', row_group_size 2048')
  const { rows } = await readAll(parquet(file, { rows: 2050 }), contextOf(schema({ at: eventTime() })))
  t.equal(rows.length, 2050)
  t.not(parquet(file, { rows: 1 }).definition, parquet(file).definition)
})

t.test('a file without rows ends at once', async (t) => {
  const file = await write(t, `select * from (${ROWS}) limit 0`)
  t.same(await rowsOf(file, { at: eventTime() }), [])
})

t.test('compressions are unpacked', async (t) => {
  for (const codec of ['uncompressed', 'snappy', 'zstd', 'gzip', 'lz4_raw', 'brotli']) {
    const file = await write(t, ROWS, `, compression ${codec}`)
    t.equal((await rowsOf(file, { at: eventTime(), text: string() })).at(-1)!.text, 'text 1', codec)
  }
})

t.test('a column that is missing, nested or of another type is named, with the remedy', async (t) => {
  const file = await write(
    t,
    `select timestamp '2001-01-01' as at, 'x' as text, {n: 1} as struct, [1, 2] as list, 1.5::decimal(9, 2) as money`,
  )
  const refuses = (fields: Fields, message: RegExp) =>
    t.rejects(checked(file, { at: eventTime(), ...fields }), { kind: 'user', code: 'parquet', message })
  await refuses({ delay: int() }, /no column 'delay'; it has at, text, struct, list, money: rename the field/)
  await refuses({ text: int() }, /column 'text' of .* holds (UTF8|STRING), which is no int: change the field's type/)
  await refuses({ text: optional(time()) }, /'text' of .* which is no time\?/)
  await refuses({ list: int() }, /column 'list' of .* holds LIST/)
  await refuses({ struct: string() }, /column 'struct' of .* holds GROUP/)
  await refuses({ n: int() }, /no column 'n'/)
  await refuses({ element: int() }, /no column 'element'/)
  await t.resolves(checked(file, { at: eventTime(), text: string(), money: float() }))
})

t.test('a value that does not fit names column, row and remedy', async (t) => {
  const file = await write(
    t,
    `select timestamp '2001-01-01' as at, case when i = 3000 then null else i end as n,
       case when i = 4000 then 9007199254740993 else i end as big from range(5000) r(i)`,
    ', row_group_size 2048',
  )
  await t.rejects(rowsOf(file, { at: eventTime(), n: int() }), {
    kind: 'user',
    message: /'n' of .* must be int, but there is a null in row 3000: make the field optional/,
  })
  await t.rejects(rowsOf(file, { at: eventTime(), big: int() }), {
    message: /'big' of .* but there is 9007199254740993 in row 4000: .* make the field a float/,
  })
})

t.test('decimals are read digit by digit, of every width', async (t) => {
  const file = await write(
    t,
    `select timestamp '2001-01-01' as at, (i / 100.0)::decimal(4, 2) as small, (i / 100.0)::decimal(9, 2) as middle,
       ('800000000000.' || lpad(i::varchar, 4, '0'))::decimal(18, 4) as large, (-i / 100.0)::decimal(38, 2) as wide,
       case when i % 2 = 0 then (i / 100)::decimal(9, 2) end as whole from range(1, 101) r(i)`,
  )
  const rows = await rowsOf(file, {
    at: eventTime(),
    small: decimal(2),
    middle: decimal(3),
    large: decimal(4),
    wide: decimal(2),
    whole: optional(decimal(2)),
  })
  t.strictSame(
    rows.map(({ small, middle, large, wide }) => [small, middle, large, wide]),
    Array.from({ length: 100 }, (_, i) => [i + 1, (i + 1) * 10, 8_000_000_000_000_000 + i + 1, -(i + 1)]),
  )
  t.strictSame(
    rows.slice(97).map(({ whole }) => whole),
    [98, null, 100],
  )
  const floats = await rowsOf(file, { at: eventTime(), small: float(), wide: float() })
  t.strictSame(
    floats.map(({ small, wide }) => [small, wide]),
    Array.from({ length: 100 }, (_, i) => [(i + 1) / 100, -(i + 1) / 100]),
    'the double next to each',
  )
  const refuses = (fields: Fields, message: RegExp) =>
    t.rejects(rowsOf(file, { at: eventTime(), ...fields }), { code: 'parquet', message })
  await refuses({ small: decimal(1) }, /'small' of .* must be decimal\(1\), but there is 0.01 in row 0: .* more digits/)
  await refuses({ small: int() }, /'small' of .* must be int, but there is 0.01 in row 0/)
  await refuses({ large: decimal(6) }, /there is 800000000000.0001 in row 0: .* fewer digits or make it a float/)
  await t.rejects(checked(file, { at: eventTime(), wide: string() }), { message: /'wide' of .* holds DECIMAL/ })
  await t.rejects(checked(file, { at: eventTime(), small: time() }), { message: /'small' of .* holds DECIMAL/ })
})

t.test('what is stored of a decimal', (t) => {
  const element = { name: 'x', type: 'INT32' } as const
  t.equal(scaleOf({ ...element, converted_type: 'DECIMAL', scale: 2, precision: 9 }), 2)
  t.equal(scaleOf({ ...element, converted_type: 'DECIMAL', precision: 9 }), 0)
  t.equal(scaleOf({ ...element, logical_type: { type: 'DECIMAL', precision: 9, scale: 3 } }), 3)
  t.equal(scaleOf({ ...element, converted_type: 'DATE' }), null)
  const read = (scale: number, stored: number | bigint | Uint8Array, from = scale) =>
    decimalReader(decimal(scale), from)(stored, (what, remedy) => {
      throw new Error(`${what}: ${remedy}`)
    })
  t.equal(read(2, Uint8Array.of(0xff, 0x85)), -123)
  t.equal(read(2, Uint8Array.of()), 0)
  t.equal(read(2, BigInt(Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER)
  t.equal(read(1, 9_007_199_254_740_991_000n, 4), Number.MAX_SAFE_INTEGER)
  t.throws(() => read(2, 9_007_199_254_740_993n), /there is 90071992547409.93: only numbers within/)
  t.throws(() => read(1, -12, 2), /there is -0.12: give the field more digits/)
  t.end()
})

t.test('a file that is cut short, damaged, foreign or gone is named', async (t) => {
  const file = await write(t, ROWS)
  const whole = fs.readFileSync(file)
  const at = (name: string, content: Uint8Array | string) => {
    const made = path.join(t.testdirName, name)
    fs.writeFileSync(made, content)
    return made
  }
  const fields = { at: eventTime(), i: int() }
  for (const size of [0, 3, 100, whole.length - 1]) {
    const cut = at(`cut-${size}.parquet`, whole.subarray(0, size))
    await t.rejects(checked(cut, fields), { kind: 'user', message: /cut-\d+\.parquet is not a readable parquet file/ })
  }
  await t.rejects(checked(at('text.parquet', 'no parquet at all, but long enough'), fields), { code: 'parquet' })
  const damaged = Buffer.from(whole)
  damaged.fill(0x5a, 4, 4000)
  await t.rejects(rowsOf(at('damaged.parquet', damaged), fields), {
    kind: 'user',
    message: /damaged\.parquet cannot be read beyond row 0, it is damaged or cut short/,
  })
  await t.rejects(checked('nowhere.parquet', fields), { kind: 'user', message: /no file nowhere\.parquet: check/ })
})

t.test('a file that has become shorter than the position is not taken for the end', async (t) => {
  const file = await write(t, `select * from (${ROWS}) limit 10`)
  const context = contextOf(schema({ at: eventTime() }))
  const position = { file: 'in.parquet', index: 0, row: 11, offset: 11 }
  await t.rejects(readAll(parquet(file), context, { position }), {
    kind: 'user',
    message: /has 10 rows and had 11/,
  })
})

t.test('a directory is read in the order of names as one split, and every row resumes', async (t) => {
  const at = t.testdir({ 'notes.txt': 'x', '.hidden.parquet': 'x', 'inner.parquet': {} })
  const part = (name: string, from: number, to: number) =>
    connection.run(
      `copy (select timestamp '2001-01-01' + interval (i) second as at, i from range(${from}, ${to}) r(i)) to '${path.join(at, name)}' (format parquet)`,
    )
  for (const [name, from, to] of [
    ['b.parquet', 3, 7],
    ['a.parquet', 0, 3],
    ['c.parquet', 7, 7],
    ['d-2.parquet', 8, 9],
    ['d-10.parquet', 7, 8],
  ] as const) {
    await part(name, from, to)
  }
  const context = contextOf(schema({ at: eventTime(), i: int() }))
  const { rows, offsets, positions } = await readAll(parquet(pathToFileURL(at)), context)
  t.same(
    rows.map((row) => row.i),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
  )
  t.same(offsets, [0, 1, 2, 3, 4, 5, 6, 7, 8], 'offsets count over the whole directory')
  t.same(positions[1], { file: 'b.parquet', index: 1, row: 4, offset: 7 })
  await checkResume(t, parquet(at), context)
  for (const limit of [2, 3, 4, 9, 10]) {
    const limited = await readAll(parquet(at, { rows: limit }), context)
    t.equal(limited.rows.length, Math.min(9, limit), `at most ${limit} rows of all files together`)
  }

  await part('e.parquet', 9, 11)
  const more = await readAll(parquet(at), context, { position: positions.at(-1)! })
  t.same(
    more.rows.map((row) => row.i),
    [9, 10],
    'a file that came after the position is read',
  )
  fs.rmSync(path.join(at, 'b.parquet'))
  await t.rejects(readAll(parquet(at), context, { position: positions[1]! }), {
    kind: 'user',
    message: /b\.parquet, where the parquet source stood, is gone: put the files back/,
  })
})

t.test('progress goes from 0 to 1, over the files of a directory and up to a limit', async (t) => {
  const at = t.testdir({})
  for (const name of ['a', 'b']) {
    await connection.run(`copy (select * from (${ROWS}) limit 50) to '${path.join(at, name)}.parquet' (format parquet)`)
  }
  const context = contextOf(schema({ at: eventTime() }))
  for (const [source, half] of [
    [parquet(at), 50],
    [parquet(at, { rows: 30 }), 15],
  ] as const) {
    const reader = await source.open(context, 0, null)
    t.equal(reader.progress!(), 0)
    await reader.read(half)
    t.equal(reader.progress!(), 0.5)
    await reader.read(half)
    t.equal(reader.progress!(), 1)
    t.equal(await reader.read(half), null)
    await reader.close()
  }
})

t.test('a directory with a file that does not fit, or with none, is named', async (t) => {
  const at = t.testdir({ none: {}, 'text.parquet': 'no parquet at all, but long enough' })
  await connection.run(`copy (${ROWS}) to '${path.join(at, 'a.parquet')}' (format parquet)`)
  await t.rejects(checked(at, { at: eventTime() }), {
    kind: 'user',
    message: /text\.parquet is not a readable parquet/,
  })
  await t.rejects(checked(path.join(at, 'none'), { at: eventTime() }), {
    kind: 'user',
    message: /the directory .*none has no file that ends in \.parquet: check the path of the parquet source/,
  })
})

t.test('every file that was opened is closed', async (t) => {
  const at = t.testdir({})
  for (const name of ['a', 'b']) {
    await connection.run(`copy (select * from (${ROWS}) limit 5) to '${path.join(at, name)}.parquet' (format parquet)`)
  }
  let open = 0
  const context = contextOf(schema({ at: eventTime() }))
  const { files } = context.seam
  const openRead = (file: string): ReadableFile => {
    open++
    const opened = files.openRead(file)
    return {
      read: (position, into) => opened.read(position, into),
      size: () => opened.size(),
      close: () => {
        open--
        opened.close()
      },
    }
  }
  const counted = { ...context, seam: { ...context.seam, files: { ...files, openRead } } }
  await parquet(at).check!(counted)
  t.equal(open, 0, 'checked')
  await readAll(parquet(at), counted)
  t.equal(open, 0, 'read')
  const position = { file: 'a.parquet', index: 0, row: 9, offset: 9 }
  await t.rejects(parquet(at).open(counted, 0, position), { message: /has 5 rows and had 9/ })
  t.equal(open, 0, 'not resumed')
})

t.test('the flights of the example', async (t) => {
  const file = path.resolve(import.meta.dirname, '../../../node_modules/vega-datasets/data/flights-3m.parquet')
  const fields = schema({ date: eventTime(), delay: optional(int()), distance: int(), origin: string() })
  const { rows } = await readAll(parquet(file, { rows: 3 }), contextOf(fields))
  const date = Date.UTC(2001, 0, 1, 0, 1) * 1000
  t.same(rows, [
    { date, delay: 33, distance: 2176, origin: 'LAS' },
    { date, delay: 19, distance: 215, origin: 'ATL' },
    { date, delay: 14, distance: 405, origin: 'MCI' },
  ])
})
