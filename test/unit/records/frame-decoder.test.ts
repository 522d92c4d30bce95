import t from 'tap'
import { checkFrame, decodeFrame, frameBytes } from '../../../src/records/frame-decoder.ts'
import { encodeFrame } from '../../../src/records/frame-encoder.ts'
import { eventTime, float, int, optional, type Schema, schema, string } from '../../../src/records/schema.ts'
import { anySchema, batchOf, rowsOf } from '../operators/support.ts'
import { Every, originOf } from './support.ts'

const row = { at: 1, i: 1, f: 2.5, b: true, s: 'text', y: Uint8Array.of(1), t: 1, d: 1, noF: 7, noS: 'é' }
const frame = encodeFrame(
  batchOf(Every, [
    { row, origin: originOf([1], 1) },
    { row: { ...row, at: 2, s: 'other', noB: false }, diff: -1, origin: originOf([2], 5) },
    { row, origin: originOf([1], 3) },
  ]),
)

t.test('every flipped bit is seen', async (t) => {
  checkFrame(frame)
  let missed = 0
  for (let bit = 0; bit < frame.length * 8; bit++) {
    const damaged = Uint8Array.from(frame)
    damaged[bit >> 3]! ^= 1 << (bit & 7)
    if (!isCorrupt(damaged)) missed++
  }
  t.equal(missed, 0, `of ${frame.length * 8} bits`)
})

t.test('every truncation, and every addition, is seen', async (t) => {
  let missed = 0
  for (let length = 0; length < frame.length; length++) if (!isCorrupt(frame.subarray(0, length))) missed++
  for (const more of [1, 8, frame.length]) if (!isCorrupt(Buffer.concat([frame, frame.subarray(0, more)]))) missed++
  t.equal(missed, 0)
})

function isCorrupt(bytes: Uint8Array): boolean {
  try {
    checkFrame(bytes)
  } catch (error) {
    return (error as { kind?: string }).kind === 'corruption'
  }
  return false
}

t.test('the message says what is wrong', async (t) => {
  const changed = (at: number, value: number) => {
    const copy = Uint8Array.from(frame)
    copy[at] = value
    return copy
  }
  const corrupt = (message: string) => ({ kind: 'corruption', code: 'frame', message })
  t.throws(() => checkFrame(changed(12, 2)), corrupt('frame layout 2 is not 1'))
  t.throws(() => checkFrame(changed(0, 0)), corrupt('these bytes are not a frame: the magic is missing'))
  t.throws(() => checkFrame(new Uint8Array(0)), corrupt('these bytes are not a frame: the magic is missing'))
  t.throws(() => checkFrame(frame.subarray(0, 64)), corrupt(`a frame of ${frame.length} bytes has only 64`))
  t.throws(() => checkFrame(changed(100, 77)), corrupt('the checksum of a frame does not match its bytes'))
})

const Point = schema({ at: eventTime(), x: optional(float()) })

t.test('number columns are read in place where they are aligned, and copied where they are not', async (t) => {
  const batch = rowsOf(Point, { at: 1, x: null }, { at: 2, x: 0.5 })
  const point = encodeFrame(batch)
  const inPlace = decodeFrame(point)
  t.equal(inPlace.times.buffer, point.buffer)
  t.equal((inPlace.column('x') as { data: Float64Array }).data.buffer, point.buffer, 'behind validity flags too')
  const larger = Buffer.alloc(point.length + 64)
  for (const [at, isShared] of [
    [8, true],
    [16, true],
    [3, false],
    [12, false],
  ] as const) {
    larger.set(point, at)
    t.equal(frameBytes(larger, at), point.length)
    const decoded = decodeFrame(larger.subarray(at, at + point.length))
    t.equal(decoded.times.buffer === larger.buffer, isShared, `at ${at}`)
    t.same(decoded.rows(), batch.rows())
  }
})

t.test('a frame of other columns is not taken for the schema', async (t) => {
  const point = encodeFrame(rowsOf(Point, { at: 1, x: 1 }))
  const others = [
    schema({ at: eventTime(), y: optional(float()) }),
    schema({ at: eventTime(), x: float() }),
    schema({ at: eventTime(), x: optional(int()) }),
    schema({ x: optional(float()), at: eventTime() }),
    schema({ at: eventTime(), x: optional(float()), s: string() }),
  ].map((other) => other as unknown as Schema)
  for (const other of others) t.throws(() => decodeFrame(point, other), { code: 'frame-schema' })
  t.throws(() => decodeFrame(point, others[0]), {
    kind: 'corruption',
    message: 'a frame holds at, x and not at, y',
  })
  t.same(decodeFrame(point).schema, anySchema(Point), 'without a schema, its own is read')
  t.same(decodeFrame(frame).schema, anySchema(Every))
})
