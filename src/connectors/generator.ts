/**
 * Rows made by a function of their number: for benches, demonstrations and tests. Row i is the same in every run, so a
 * reader resumes by its number. The rows are dealt out to the splits in blocks, round robin; together the splits give
 * rows 0, 1, 2, ... whatever their count. Offset: the row's number. Position: `{ index }`, the next row's number.
 *
 * With a rate, row i of a reader is due i / rate seconds after it was opened, by the monotonic clock: what falls behind
 * is made up for, but not the time in which nothing ran.
 */
import { UmbelError, userError } from '../base/errors.ts'
import { aFunction, aNumber, check, maybe, only } from '../base/given.ts'
import type { Clock } from '../base/seam.ts'
import { Batch } from '../records/batch.ts'
import { type Column, ColumnBuilder, type Value } from '../records/column.ts'
import { columnTypeOf, type Schema } from '../records/schema.ts'
import type { SourceConnector, SplitPosition, SplitReader, SplitRows } from '../topology/connector.ts'
import { takeObject } from './array.ts'
import { Misfit, valueParser } from './parse-value.ts'
import { RowIntake } from './row-intake.ts'

/** Rows of a block at most, and in milliseconds of the rate: how far one split may be ahead of another. */
const BLOCK_ROWS_MAX = 8192
const BLOCK_MS = 10

interface Rhythm {
  /** Rows a second of all splits together. Default: as fast as they are taken. */
  readonly rowsPerSecond?: number
  /** How many there are. Default: no end. */
  readonly rows?: number
  /** Default 1. */
  readonly splits?: number
}

/** One field of many rows: a column as it is, numbers, or values one by one. */
export type ColumnValues = Column | Float64Array | readonly unknown[]

/** Options of `generator`: how fast, how many, and a function of the row's number, or of a range of them. */
export type GeneratorOptions = Rhythm &
  (
    | { readonly row: (index: number) => object; readonly batch?: undefined }
    | {
        /** Columns by field of rows `from` to `from + count`. `schema` has the fields that are asked for. */
        readonly batch: (from: number, count: number, schema: Schema) => Readonly<Record<string, ColumnValues>>
        readonly row?: undefined
      }
  )

const generatorOptions = only({
  rows: maybe(aNumber),
  rowsPerSecond: maybe(aNumber),
  splits: maybe(aNumber),
  row: maybe(aFunction),
  batch: maybe(aFunction),
})

/**
 * A source of rows that a function makes. The function must be pure: it runs in other threads, and again after a restart.
 * Its text is part of the definition, the values that it closes over are not.
 * @throws user error `generator` when an option is out of range
 * @example generator({ rowsPerSecond: 1000, row: (i) => ({ at: i * 1000, sensor: `s${i % 8}`, value: Math.sin(i) }) })
 * @example generator({ rows: 1e7, batch: (from, count) => ({ at: Float64Array.from({ length: count }, (_, i) => from + i) }) })
 */
export function generator(options: GeneratorOptions): SourceConnector {
  check('generator', generatorOptions, options)
  const { rowsPerSecond = null, rows = null, splits = 1, row, batch } = options
  if ((row === undefined) === (batch === undefined))
    throw userError('generator', 'a generator makes rows by one of two functions: give `row` or `batch`')
  checkOptions(rowsPerSecond, rows, splits)
  return {
    kind: 'generator',
    definition: { rowsPerSecond, rows, splits, makes: `${row ?? batch}`.replace(/\s+/g, ' ') },
    isBounded: rows !== null,
    splits,
    open: async ({ seam, schema }, split, position) => {
      const make = batch === undefined ? rowMaker(row!, schema) : batchMaker(batch, schema)
      const end = rows ?? Number.POSITIVE_INFINITY
      const block = blockRows(rowsPerSecond, end / splits)
      return new GeneratorReader(make, seam.clock, { end, block, splits, split, rowsPerSecond }, position)
    },
  }
}

function checkOptions(rowsPerSecond: number | null, rows: number | null, splits: number): void {
  const refuse = (what: string, value: number, remedy: string): never => {
    throw userError('generator', `${what} of a generator is ${value}: ${remedy}`)
  }
  if (rowsPerSecond !== null && !(rowsPerSecond > 0)) refuse('rowsPerSecond', rowsPerSecond, 'take a number above 0')
  if (rows !== null && !(Number.isSafeInteger(rows) && rows >= 0)) refuse('rows', rows, 'take a whole number from 0 on')
  if (!Number.isSafeInteger(splits) || splits < 1) refuse('splits', splits, 'take a whole number from 1 on')
}

const blockRows = (rowsPerSecond: number | null, ofSplit: number): number =>
  Math.ceil(
    Math.max(1, Math.min(BLOCK_ROWS_MAX, ofSplit, ((rowsPerSecond ?? Number.POSITIVE_INFINITY) * BLOCK_MS) / 1000)),
  )

/** Makes rows: so many, or fewer where they come to enough bytes. */
type Make = (from: number, count: number, bytesMax: number) => SplitRows

interface Deal {
  readonly end: number
  readonly block: number
  readonly splits: number
  readonly split: number
  readonly rowsPerSecond: number | null
}

class GeneratorReader implements SplitReader {
  readonly #make: Make
  readonly #clock: Clock
  readonly #deal: Deal
  readonly #openedAt: number
  readonly #first: number
  #index: number

  constructor(make: Make, clock: Clock, deal: Deal, position: SplitPosition) {
    this.#make = make
    this.#clock = clock
    this.#deal = deal
    this.#openedAt = clock.monotonic()
    this.#first = (position?.index as number | undefined) ?? 0
    this.#index = position === null && deal.split > 0 ? deal.split * deal.block : this.#first
  }

  async read(rowsMax: number, bytesMax = Number.POSITIVE_INFINITY): Promise<SplitRows | null | 'wait'> {
    const { end, block, splits } = this.#deal
    if (this.#index >= end) return null
    const isAlone = splits === 1
    const blockEnd = isAlone ? end : (Math.floor(this.#index / block) + 1) * block
    const most = Math.min(end, blockEnd, this.#index + rowsMax, this.#due())
    if (most <= this.#index) return 'wait'
    const made = this.#rows(this.#index, most, bytesMax)
    const to = this.#index + made.batch.length + made.rejected.length
    this.#index = isAlone || to < blockEnd ? to : to + (splits - 1) * block
    return made
  }

  position(): SplitPosition {
    return { index: this.#index }
  }

  progress(): number {
    return Number.isFinite(this.#deal.end) ? Math.min(1, this.#index / Math.max(1, this.#deal.end)) : 0
  }

  close(): void {}

  #rows(from: number, to: number, bytesMax: number): SplitRows {
    try {
      return this.#make(from, to - from, bytesMax)
    } catch (error) {
      if (error instanceof UmbelError) throw error
      const { message } = error as Error
      throw userError(
        'generator',
        `rows ${from} to ${to - 1} could not be made: ${message}: mend the generator's function`,
        error,
      )
    }
  }

  /** The number of the first row that is not due yet. */
  #due(): number {
    const { rowsPerSecond } = this.#deal
    if (rowsPerSecond === null) return Number.POSITIVE_INFINITY
    return this.#first + Math.floor(((this.#clock.monotonic() - this.#openedAt) * rowsPerSecond) / 1000 + 1e-6) + 1
  }
}

function rowMaker(row: (index: number) => object, schema: Schema): Make {
  const parsers = schema.names.map((name) => valueParser(name, schema.fields[name]!))
  return (from, count, bytesMax) => {
    const intake = new RowIntake(schema, from, bytesMax, count)
    for (let i = from; i < from + count && !intake.isFull; i++) {
      takeObject(row(i) as Record<string, unknown>, schema.names, parsers, intake)
    }
    return intake.finish()
  }
}

function batchMaker(batch: NonNullable<GeneratorOptions['batch']>, schema: Schema): Make {
  return (from, count) => {
    const made = batch(from, count, schema)
    const columns = schema.names.map((name) => columnOf(name, made[name], count, schema))
    return { batch: new Batch(schema, count, columns), offsets: from, rejected: [] }
  }
}

/** @throws user error when the column is not one of the field's type and of `count` rows */
function columnOf(name: string, given: ColumnValues | undefined, count: number, schema: Schema): Column {
  const type = schema.fields[name]!
  const fail = (what: string): never => {
    throw userError('generator', `batch gave ${what}: give ${count} values of the field's type`)
  }
  if (given === undefined) return fail(`nothing for '${name}'`)
  if (given instanceof Float64Array) {
    if (columnTypeOf(type.kind) !== 'number') fail(`numbers for '${name}', a ${type.kind}`)
    if (given.length !== count) fail(`${given.length} values for '${name}'`)
    return { type: 'number', data: given, valid: null }
  }
  if ('type' in given) {
    if (given.type !== columnTypeOf(type.kind)) fail(`a ${given.type} column for '${name}', a ${type.kind}`)
    const { length } = given.type === 'number' ? given.data : given.type === 'string' ? given.codes : given.values
    if (length !== count) fail(`${length} values for '${name}'`)
    return given
  }
  if (given.length !== count) fail(`${given.length} values for '${name}'`)
  const parse = valueParser(name, type)
  const builder = new ColumnBuilder(type, count)
  for (let i = 0; i < count; i++) {
    const value = parse(given[i])
    if (value instanceof Misfit) fail(`a value in row ${i} that does not fit, ${value.reason}`)
    builder.push(value as Value)
  }
  return builder.finish()
}
