/** Batches of one schema, one behind the other. */
import { latin1 } from '../base/bytes.ts'
import { Batch } from './batch.ts'
import type { BytesColumn, Column, NumberColumn, StringColumn } from './column.ts'
import type { OriginColumn } from './origin.ts'

/** The rows of all batches, at least one, in their order. Either all have origins or none has. */
export function concat(batches: readonly Batch[]): Batch {
  const [first] = batches
  if (batches.length === 1) return first!
  const length = batches.reduce((sum, batch) => sum + batch.length, 0)
  const columns = first!.columns.map(({ type }, c) => {
    const parts = batches.map((batch) => ({ column: batch.columns[c]!, length: batch.length }))
    return CONCAT[type](parts as never, length)
  })
  return new Batch(first!.schema, length, columns, diffsOf(batches, length), originsOf(batches, length))
}

interface Part<C> {
  readonly column: C
  readonly length: number
}

const CONCAT = {
  number: concatNumbers,
  string: concatStrings,
  bytes: concatBytes,
} satisfies Record<Column['type'], unknown>

function concatNumbers(parts: readonly Part<NumberColumn>[], length: number): NumberColumn {
  const data = new Float64Array(length)
  const valid = parts.some(({ column }) => column.valid !== null) ? new Uint8Array(length).fill(1) : null
  let at = 0
  for (const { column, length: rows } of parts) {
    data.set(column.data.subarray(0, rows), at)
    if (column.valid !== null) valid!.set(column.valid.subarray(0, rows), at)
    at += rows
  }
  return { type: 'number', data, valid }
}

function concatStrings(parts: readonly Part<StringColumn>[], length: number): StringColumn {
  const codes = new Int32Array(length)
  const all = new Numbered((value: string) => value)
  let at = 0
  for (const { column, length: rows } of parts) {
    // Those alone that a row has: a column may have come with the values of many more rows.
    const renumbered = new Int32Array(column.values.length).fill(-1)
    for (let i = 0; i < rows; i++, at++) {
      const code = column.codes[i]!
      if (code < 0) codes[at] = -1
      else {
        if (renumbered[code] === -1) renumbered[code] = all.codeOf(column.values[code]!)
        codes[at] = renumbered[code]!
      }
    }
  }
  return { type: 'string', codes, values: all.values }
}

function concatBytes(parts: readonly Part<BytesColumn>[]): BytesColumn {
  return { type: 'bytes', values: parts.flatMap(({ column, length }) => column.values.slice(0, length)) }
}

function diffsOf(batches: readonly Batch[], length: number): Int32Array | null {
  if (batches.every(({ diffs }) => diffs === null)) return null
  const diffs = new Int32Array(length).fill(1)
  let at = 0
  for (const batch of batches) {
    if (batch.diffs !== null) diffs.set(batch.diffs.subarray(0, batch.length), at)
    at += batch.length
  }
  return diffs
}

function originsOf(batches: readonly Batch[], length: number): OriginColumn | null {
  if (batches[0]!.origins === null) return null
  const all = new Numbered(latin1)
  const [head, seq] = [new Int32Array(length), new Float64Array(length)]
  let at = 0
  for (const { origins, length: rows } of batches) {
    const of = origins!
    const renumbered = new Int32Array(of.heads.length).fill(-1)
    for (let i = 0; i < rows; i++, at++) {
      const code = of.head[i]!
      if (renumbered[code] === -1) renumbered[code] = all.codeOf(of.heads[code]!)
      head[at] = renumbered[code]!
      seq[at] = of.seq[i]!
    }
  }
  return { heads: all.values, head, seq }
}

/** Values that are told apart by a text, numbered as they come. */
class Numbered<T> {
  readonly values: T[] = []
  readonly #codes = new Map<string, number>()
  readonly #textOf: (value: T) => string

  constructor(textOf: (value: T) => string) {
    this.#textOf = textOf
  }

  codeOf(value: T): number {
    const text = this.#textOf(value)
    let code = this.#codes.get(text)
    if (code === undefined) {
      code = this.values.push(value) - 1
      this.#codes.set(text, code)
    }
    return code
  }
}
