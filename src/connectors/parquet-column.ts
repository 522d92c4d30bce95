/** Turns the values that the Parquet library gives into a column, checking that none is lost on the way. */
import { userError } from '../base/errors.ts'
import type { Column, NumberColumn } from '../records/column.ts'
import { ColumnBuilder } from '../records/column.ts'
import { type FieldType, isNested, typeName } from '../records/schema.ts'
import { jsonParser, Misfit } from './parse-value.ts'

export interface ParquetColumn {
  /** Values of the rows from `at` on, in order. */
  take(values: ArrayLike<unknown>, at: number): void
  finish(): Column
}

/**
 * `length` rows of a file, from its row `first` on.
 * @throws user error `parquet` on a null where the field allows none, or a whole number beyond ±2^53
 */
export function parquetColumn(
  name: string,
  type: FieldType,
  length: number,
  { file, first }: { file: string; first: number },
): ParquetColumn {
  const fail = (row: number, what: string, remedy: string): never => {
    const fact = `'${name}' of ${file} must be ${typeName(type)}, but ${what} in row ${first + row}`
    throw userError('parquet', `${fact}: ${remedy}`)
  }
  if (type.kind === 'string' || type.kind === 'bytes') return textColumn(type, length, fail)
  if (isNested(type.kind)) return jsonColumn(name, type, length, fail)
  return numberColumn(type, length, fail)
}

/** The library gives the double next to a decimal; NaN where it has more digits. */
function unitsOf(value: number, scale: number): number {
  const units = Math.round(value * 10 ** scale)
  return units / 10 ** scale === value ? units : Number.NaN
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

function numberColumn(type: FieldType, length: number, fail: Fail): ParquetColumn {
  const data = new Float64Array(length)
  let valid: Uint8Array | null = null
  const whole = type.kind !== 'float' && type.kind !== 'bool'
  return {
    take(values, at) {
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as bigint | number | boolean | null | undefined
        if (value === null || value === undefined) {
          if (!type.nullable) fail(at + i, ...NULL)
          valid ??= new Uint8Array(length).fill(1)
          valid[at + i] = 0
          continue
        }
        const number = type.kind === 'decimal' ? unitsOf(Number(value), type.scale!) : Number(value)
        if (whole && !Number.isSafeInteger(number)) {
          fail(
            at + i,
            `there is ${value}`,
            type.kind === 'decimal'
              ? 'give the field more digits'
              : 'only whole numbers within ±2^53 are exact, make the field a float',
          )
        }
        data[at + i] = number
      }
    },
    finish: (): NumberColumn => ({ type: 'number', data, valid }),
  }
}
