/**
 * Rows that the program holds, for tests, examples and small tables. Row i belongs to split i modulo the number of splits,
 * so that splits keep in step. Position: `{ row }`, the rows read of the split.
 */
import { createHash } from 'node:crypto'
import { userError } from '../base/errors.ts'
import { aList, aNumber, check, maybe, only } from '../base/given.ts'
import type { Schema } from '../records/schema.ts'
import type { SourceConnector, SplitPosition, SplitReader, SplitRows } from '../topology/connector.ts'
import { type Parse, valueParser } from './parse-value.ts'
import { RowIntake } from './row-intake.ts'

/**
 * Plain objects as a source; properties that the schema does not have are left out. Times are microseconds, `Date` or ISO
 * text, dates are days, `Date` at midnight UTC or ISO text. A row that does not fit is rejected.
 * @throws user error `array` when there is not at least one split
 * @example source('visits', Visit, array([{ at: '2001-01-13T09:30:00Z', user: 'ada' }, { at: new Date(), user: 'bob' }]))
 */
export function array(rows: readonly object[], options: { splits?: number } = {}): SourceConnector {
  check('array', aList, rows, 'its rows')
  check('array', only({ splits: maybe(aNumber) }), options)
  const splits = options.splits ?? 1
  if (!Number.isSafeInteger(splits) || splits < 1) {
    throw userError('array', `an array has ${splits} splits: take a whole number from 1 on`)
  }
  // A copy: what the definition tells of is what is read.
  const held = rows.map((row) => ({ ...row }) as Record<string, unknown>)
  return {
    kind: 'array',
    definition: { rows: held.length, hash: hashOf(held), splits },
    isBounded: true,
    splits,
    open: async ({ schema }, split, position) => {
      const own = held.filter((_, i) => i % splits === split)
      return new ArrayReader(own, schema, position)
    },
  }
}

class ArrayReader implements SplitReader {
  readonly #rows: readonly Record<string, unknown>[]
  readonly #schema: Schema
  readonly #parsers: readonly Parse<unknown>[]
  #row: number

  constructor(rows: readonly Record<string, unknown>[], schema: Schema, position: SplitPosition) {
    this.#rows = rows
    this.#schema = schema
    this.#parsers = schema.names.map((name) => valueParser(name, schema.fields[name]!))
    this.#row = (position?.row as number | undefined) ?? 0
  }

  async read(rowsMax: number, bytesMax = Number.POSITIVE_INFINITY): Promise<SplitRows | null> {
    if (this.#row >= this.#rows.length) return null
    const to = Math.min(this.#rows.length, this.#row + rowsMax)
    const intake = new RowIntake(this.#schema, this.#row, bytesMax, to - this.#row)
    while (this.#row < to && !intake.isFull)
      takeObject(this.#rows[this.#row++]!, this.#schema.names, this.#parsers, intake)
    return intake.finish()
  }

  position(): SplitPosition {
    return { row: this.#row }
  }

  progress(): number {
    return this.#rows.length === 0 ? 1 : this.#row / this.#rows.length
  }

  close(): void {}
}

/** Hands an object's properties to `into`, as a row or as a rejected one. */
export function takeObject(
  object: Readonly<Record<string, unknown>>,
  names: readonly string[],
  parsers: readonly Parse<unknown>[],
  into: RowIntake,
): void {
  for (let c = 0; c < names.length; c++) {
    into.values[c] = parsers[c]!(Object.hasOwn(object, names[c]!) ? object[names[c]!] : undefined)
  }
  const why = into.take()
  if (why !== null) into.reject(why, JSON.stringify(object, plain))
}

const hashOf = (rows: readonly object[]): string =>
  createHash('sha256').update(JSON.stringify(rows, plain)).digest('hex').slice(0, 16)

/** What JSON would lose (NaN), spell out (bytes) or refuse (bigint). */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint' || (typeof value === 'number' && !Number.isFinite(value))) return String(value)
  return value instanceof Uint8Array ? `bytes ${Buffer.from(value).toString('base64')}` : value
}
