/** Turns the values that the Parquet library gives into a column, checking that none is lost on the way. */
import { userError } from '../base/errors.ts'
import type { Column, NumberColumn } from '../records/column.ts'
import { ColumnBuilder } from '../records/column.ts'
import { type FieldType, isNested, typeName } from '../records/schema.ts'
import { decimalReader, type StoredDecimal } from './parquet-decimal.ts'
import { jsonParser, Misfit } from './parse-value.ts'

export interface ParquetColumn {
  /** Values of the rows from `at` on, in order. */
  take(values: ArrayLike<unknown>, at: number): void
  finish(): Column
}

/** Where a column stands. */
interface Place {
  readonly file: string
  /** The file's row with which it begins. */
  readonly first: number
  /** Digits behind the point where the file's column is one of decimals. */
  readonly scale: number | null
}

/**
 * `length` rows of a file, from its row `first` on.
 * @throws user error `parquet` on a null where the field allows none, or a number that would not be exact
 */
export function parquetColumn(
  name: string,
  type: FieldType,
  length: number,
  { file, first, scale }: Place,
): ParquetColumn {
  const fail = (row: number, what: string, remedy: string): never => {
    const fact = `'${name}' of ${file} must be ${typeName(type)}, but ${what} in row ${first + row}`
    throw userError('parquet', `${fact}: ${remedy}`)
  }
  if (type.kind === 'string' || type.kind === 'bytes') return textColumn(type, length, fail)
  if (isNested(type.kind)) return jsonColumn(name, type, length, fail)
  const read =
    scale !== null || type.kind === 'decimal' ? readDecimals(type, scale ?? 0, fail) : readNumbers(type, fail)
  return numberColumn(type, length, read, fail)
}

type Fail = (row: number, what: string, remedy: string) => never

const NULL = ['there is a null', 'make the field optional'] as const

function textColumn(type: FieldType, length: number, fail: Fail): ParquetColumn {
  const builder = new ColumnBuilder(type, length)
  const decoder = new TextDecoder()
  return {
    take(values, at) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i]
        if (value === null || value === undefined) {
          if (!type.nullable) fail(at + i, ...NULL)
          builder.push(null)
        } else if (type.kind === 'string') {
          builder.pushString(
            typeof value === 'string'
              ? value
              : value instanceof Uint8Array
                ? decoder.decode(value)
                : JSON.stringify(value),
          )
        } else builder.push(value instanceof Uint8Array ? value : Buffer.from(String(value)))
      }
    },
    finish: () => builder.finish(),
  }
}

/** Of a column of JSON, which the library has parsed or left as text. */
function jsonColumn(name: string, type: FieldType, length: number, fail: Fail): ParquetColumn {
  const builder = new ColumnBuilder(type, length)
  const parse = jsonParser(name, type)
  return {
    take(values, at) {
      for (let i = 0; i < values.length; i++) {
        const value = parse(values[i])
        if (value instanceof Misfit) fail(at + i, `it does not fit (${value.reason})`, 'change the type')
        else builder.push(value)
      }
    },
    finish: () => builder.finish(),
  }
}

type ReadNumber = (value: unknown, row: number) => number

function readDecimals(type: FieldType, scale: number, fail: Fail): ReadNumber {
  const read = decimalReader(type, scale)
  return (value, row) => read(value as StoredDecimal, (what, remedy) => fail(row, what, remedy))
}

function readNumbers(type: FieldType, fail: Fail): ReadNumber {
  const isWhole = type.kind !== 'float' && type.kind !== 'bool'
  return (value, row) => {
    const number = Number(value)
    if (isWhole && !Number.isSafeInteger(number))
      fail(row, `there is ${value}`, 'only whole numbers within ±2^53 are exact, make the field a float')
    return number
  }
}

function numberColumn(type: FieldType, length: number, read: ReadNumber, fail: Fail): ParquetColumn {
  const data = new Float64Array(length)
  let valid: Uint8Array | null = null
  return {
    take(values, at) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i]
        if (value === null || value === undefined) {
          if (!type.nullable) fail(at + i, ...NULL)
          valid ??= new Uint8Array(length).fill(1)
          valid[at + i] = 0
          continue
        }
        data[at + i] = read(value, at + i)
      }
    },
    finish: (): NumberColumn => ({ type: 'number', data, valid }),
  }
}
