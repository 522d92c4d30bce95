/**
 * Decimals of Parquet: a whole number of units, in an integer or as bytes, the highest first, in two's complement
 * (Apache Parquet, LogicalTypes.md, "DECIMAL"). The Parquet library would make doubles of them: 0.35 as 35 * 0.01, which
 * is another double, and 18 digits as 16. So they are read as they are stored, and every digit is kept or missed.
 */
import type { FileMetaData, SchemaElement } from 'hyparquet'
import { decimalText } from '../records/decimal.ts'
import type { FieldType } from '../records/schema.ts'

/** As a column has them. */
export type StoredDecimal = number | bigint | Uint8Array

/** Digits behind the point of a column of decimals; null for another column. */
export function scaleOf({ logical_type, converted_type, scale }: SchemaElement): number | null {
  if (logical_type?.type === 'DECIMAL') return logical_type.scale
  return converted_type === 'DECIMAL' ? (scale ?? 0) : null
}

/** The same file, of whose decimals the library gives what is stored. */
export const withStoredDecimals = (metadata: FileMetaData): FileMetaData => ({
  ...metadata,
  schema: metadata.schema.map((element) => {
    if (scaleOf(element) === null) return element
    const { logical_type, converted_type, ...plain } = element
    return plain
  }),
})

/** The value of a field; throws what is wrong with it by `fail`, as a fact and a remedy. */
export type ReadDecimal = (stored: StoredDecimal, fail: (what: string, remedy: string) => never) => number

/** @param scale of the column @param type of the field: a decimal, an int or a float */
export function decimalReader(type: FieldType, scale: number): ReadDecimal {
  if (type.kind === 'float') return (stored) => Number(`${unitsOf(stored)}e-${scale}`)
  const wanted = type.scale ?? 0
  const [up, down] = [10n ** BigInt(Math.max(0, wanted - scale)), 10n ** BigInt(Math.max(0, scale - wanted))]
  return (stored, fail) => {
    const isSame = scale === wanted && !(stored instanceof Uint8Array)
    const exact = isSame ? stored : (unitsOf(stored) * up) / down
    if (!isSame && unitsOf(stored) % down !== 0n)
      fail(`there is ${decimalText(unitsOf(stored), scale)}`, 'give the field more digits')
    const units = Number(exact)
    if (!Number.isSafeInteger(units))
      fail(
        `there is ${decimalText(unitsOf(stored), scale)}`,
        'only numbers within ±2^53 units are exact, give the field fewer digits or make it a float',
      )
    return units
  }
}

function unitsOf(stored: StoredDecimal): bigint {
  if (!(stored instanceof Uint8Array)) return BigInt(stored)
  let units = 0n
  for (const byte of stored) units = (units << 8n) | BigInt(byte)
  return BigInt.asIntN(stored.length * 8, units)
}
