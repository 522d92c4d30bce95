/**
 * Frames there and back. A frame is put together from parts, as an outbox does: rows picked from several batches, beside
 * rows that belong elsewhere. What comes back must be the rows, and the bytes must depend on them alone (FR-1).
 */
import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { Batch } from '../../../src/records/batch.ts'
import { type NumberColumn, valueAt } from '../../../src/records/column.ts'
import { checkFrame, decodeFrame, frameBytes } from '../../../src/records/frame-decoder.ts'
import { encodeFrame, encodeParts, type FramePart } from '../../../src/records/frame-encoder.ts'
import { consecutiveOrigins, type OriginColumn, originBytes } from '../../../src/records/origin.ts'
import { bool, eventTime, float, optional, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf, rowsOf, runs, type Update } from '../operators/support.ts'
import { Every, hex, oddNaN, originOf, plainRows, row, storedRow } from './support.ts'

const schemaOfAll = anySchema(Every)

const origin = fc.oneof(
  fc.tuple(fc.constantFrom([], [1], [1, 2], [2]), fc.integer({ min: 0, max: 3 })),
  fc.tuple(fc.constant([9]), fc.constantFrom(0, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER)),
)
const update: fc.Arbitrary<Required<Update>> = fc.record({
  row,
  diff: fc.constantFrom(1, 1, -1),
  origin: origin.map(([head, seq]) => originOf(head, seq)),
})
const updates = fc.array(update, { maxLength: 8 })
const part = fc.record({ wanted: updates, others: fc.array(update, { maxLength: 3 }), isPicked: fc.boolean() })

/** Rows that belong to the frame, in a batch with others: at its front, or backwards behind them. */
function makePart(wanted: readonly Update[], others: readonly Update[], isPicked: boolean): FramePart {
  const count = wanted.length
  if (!isPicked) return { batch: batchOf(Every, [...wanted, ...others]), rows: null, count }
  const batch = batchOf(Every, [...others, ...wanted.toReversed()])
  return { batch, rows: Int32Array.from(wanted, (_, i) => batch.length - 1 - i), count }
}

const originsOf = (batch: Batch): string[] | null =>
  batch.origins && Array.from({ length: batch.length }, (_, i) => hex(originBytes(batch.origins!, i)))

t.test('the rows of all parts come back, and the bytes depend on them alone', async () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 4 }), fc.boolean(), fc.boolean(), (parts, ...has) => {
      const [hasOrigins, hasDiffs] = has
      const plain = (one: Required<Update>): Update => ({
        row: one.row,
        diff: hasDiffs ? one.diff : 1,
        origin: hasOrigins ? one.origin : undefined,
      })
      const all = parts.flatMap(({ wanted }) => wanted.map(plain))
      const made = parts.map(({ wanted, others, isPicked }) => makePart(wanted.map(plain), others.map(plain), isPicked))
      const frame = encodeParts(made)
      deepStrictEqual([frame.byteOffset, frame.length % 8, frameBytes(frame)], [0, 0, frame.length])
      checkFrame(frame)
      for (const batch of [decodeFrame(frame, schemaOfAll), decodeFrame(frame)]) {
        deepStrictEqual(batch.length, all.length)
        deepStrictEqual(plainRows(batch.rows() as never), plainRows(all.map((one) => storedRow(one.row))))
        deepStrictEqual(
          all.map((_, i) => batch.diff(i)),
          all.map((one) => one.diff),
        )
        deepStrictEqual(originsOf(batch), hasOrigins && all.length > 0 ? all.map((one) => hex(one.origin!)) : null)
        deepStrictEqual(hex(encodeFrame(batch)), hex(frame), 'what is decoded gives the same bytes again')
      }
      deepStrictEqual(hex(encodeFrame(batchOf(Every, all))), hex(frame), 'in one batch')
      const singles = all.flatMap((one) => [batchOf(Every, [one]), batchOf(Every, [])])
      const cut = [batchOf(Every, []), ...singles].map((batch) => ({ batch, rows: null, count: batch.length }))
      deepStrictEqual(hex(encodeParts(cut)), hex(frame), 'row by row, with empty batches in between')
    }),
    { numRuns: runs(300) },
  )
})

t.test('dictionaries of every size come back: codes of one, two and four bytes, or none', async (t) => {
  const Word = schema({ at: eventTime(), word: optional(string()) })
  for (const size of [0, 1, 255, 256, 65_535, 65_536]) {
    const words: (string | null)[] = Array.from({ length: size }, (_, i) => `w${i}`)
    for (const more of [[], ['w0', null]]) {
      const values = [...words, ...more]
      const batch = rowsOf(Word, ...values.map((word, at) => ({ at, word })))
      const frame = encodeFrame(batch)
      checkFrame(frame)
      const got = decodeFrame(frame, anySchema(Word)).column('word')
      const wrong = values.findIndex((word, i) => valueAt(got, 'string', i) !== word)
      if (wrong >= 0) t.fail(`of ${values.length} words, ${wrong} came back as ${valueAt(got, 'string', wrong)}`)
    }
  }
  t.pass()
})

t.test('text beyond ASCII among much that is not', async (t) => {
  const Word = schema({ at: eventTime(), word: string() })
  for (const words of [
    ['a'.repeat(5000), 'b', '☃'.repeat(3000)],
    ['é'],
    ['', ''],
    ['', 'x', ''],
    ['\0', '😀', '\x7f'],
  ]) {
    const frame = encodeFrame(rowsOf(Word, ...words.map((word, at) => ({ at, word }))))
    t.same(
      decodeFrame(frame)
        .rows()
        .map(({ word }) => word),
      words,
    )
  }
})

t.test('consecutive origins cost a run, others a number a row', async (t) => {
  const At = schema({ at: eventTime() })
  const batch = rowsOf(At, ...Array.from({ length: 1000 }, (_, at) => ({ at })))
  const bytesWith = (origins: OriginColumn | null) => {
    const frame = encodeFrame(new Batch(batch.schema, 1000, batch.columns, null, origins))
    const back = decodeFrame(frame).origins
    for (let i = 0; origins !== null && i < 1000; i++) {
      if (hex(originBytes(back!, i)) !== hex(originBytes(origins, i))) t.fail(`origin ${i} is another`)
    }
    return frame.length
  }
  const none = bytesWith(null)
  const head = Uint8Array.of(1, 2, 3)
  const start = Number.MAX_SAFE_INTEGER - 1000
  t.ok(bytesWith(consecutiveOrigins(head, start, 1000)) - none < 50)
  const irregular = consecutiveOrigins(head, start, 1000)
  irregular.seq[500] = 7
  t.ok(bytesWith(irregular) - none > 8000)
  const heads = {
    heads: [head, new Uint8Array(0)],
    head: new Int32Array(1000).fill(1, 300),
    seq: new Float64Array(1000),
  }
  t.ok(bytesWith(heads) - none > 12_000)
})

t.test('neither what a null hides nor the bits of a NaN are part of the bytes', async (t) => {
  const Some = schema({ at: eventTime(), f: optional(float()), b: optional(bool()) })
  const numbers = (data: number[], valid: number[] | null): NumberColumn => ({
    type: 'number',
    data: Float64Array.from(data),
    valid: valid && Uint8Array.from(valid),
  })
  const frameOf = (f: NumberColumn, b: NumberColumn) =>
    hex(encodeFrame(new Batch(anySchema(Some), 2, [numbers([1, 2], null), f, b])))
  const clean = frameOf(numbers([0, Number.NaN], [0, 1]), numbers([0, 1], [0, 1]))
  t.equal(frameOf(numbers([5, Number.NaN], [0, 1]), numbers([1, 1], [0, 1])), clean)
  const odd = numbers([0, 0], [0, 1])
  new BigUint64Array(odd.data.buffer)[1] = 0xfff8_0000_0000_0001n
  t.equal(frameOf(odd, numbers([0, 1], [0, 1])), clean)
  const whole = frameOf(numbers([3, 4], null), numbers([0, 1], null))
  t.equal(frameOf(numbers([3, 4], [1, 1]), numbers([0, 1], [1, 1])), whole, 'nor are flags where nothing is null')
  t.ok(Number.isNaN(oddNaN))
})

// The bytes of a frame are in logs and tables on disk: other bytes for the same rows need another layout version.
t.test('the layout is what it was', async (t) => {
  const updates: Update[] = [
    {
      row: { at: 1, i: -5, f: 0.5, b: true, s: 'é', y: Uint8Array.of(1, 2), t: 2, d: 3, noI: 4 },
      diff: -1,
      origin: originOf([7], 2 ** 33),
    },
    {
      row: { at: 2, i: 6, f: -0, b: false, s: 'é', y: Uint8Array.of(), t: 2, d: 3, noS: 'z', noY: Uint8Array.of(9) },
      origin: originOf([8], 1),
    },
  ]
  const frame = Buffer.from(encodeFrame(batchOf(Every, updates)))
  t.same({ bytes: frame.length, checksum: frame.readUInt32LE(4) }, { bytes: 592, checksum: 2_536_685_268 })
})
