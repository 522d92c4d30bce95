/**
 * What groups are ordered and stored by: the key itself where it is one whole number that is never null, else the packed
 * bytes of the key as latin1 text. One operator's keys are all of one sort, and both orders are that of the packed bytes.
 * Numbers spare the text: a group that is stored and read again costs a fifth of what it does as text.
 */
import { latin1 } from '../base/bytes.ts'
import { packValues } from '../records/key.ts'
import type { FieldType } from '../records/schema.ts'

export type GroupKey = string | number
/** Keys of one sort. */
export type GroupKeys = readonly GroupKey[] | Float64Array

/** True where the keys of these columns are kept as numbers. */
export const areNumbers = (types: readonly FieldType[]): boolean =>
  types.length === 1 && !types[0]!.nullable && ['int', 'time', 'date'].includes(types[0]!.kind)

/** The order of two keys of one sort. */
export const isBefore = (a: GroupKey, b: GroupKey): boolean => (a as number) < (b as number)

/** The first index whose key is at or above `key`; the length where there is none. */
export const lowerBound = (keys: GroupKeys, key: GroupKey): number => lowerBoundOf(keys.length, (i) => keys[i]!, key)

/** The same of `length` keys that are got one by one. */
export function lowerBoundOf(length: number, keyOf: (i: number) => GroupKey, key: GroupKey): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >> 1
    if (isBefore(keyOf(middle), key)) low = middle + 1
    else high = middle
  }
  return low
}

/** The packed bytes of a key as latin1 text, whatever it is kept as. */
export const keyText = (key: GroupKey): string => (typeof key === 'string' ? key : latin1(packValues([key])))
