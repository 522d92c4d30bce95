/**
 * Row views: the object that user functions get. One reused object per batch with a getter per field; `moveTo` points
 * it at a row. A view is valid only during the call that received it: keep values, not views.
 */
import type { Batch } from './batch.ts'
import type { BytesColumn, Column, NumberColumn, StringColumn } from './column.ts'
import { unpacked } from './nested.ts'
import type { Fields, FieldType, Row, Schema } from './schema.ts'

interface Cell<C extends Column> {
  column: C
}

/** Points a shared row object at the rows of a batch. */
export class RowCursor<F extends Fields = Fields> {
  /** The object that user functions read. */
  readonly row: Row<F>
  readonly #at = { row: 0 }
  readonly #cells: Cell<Column>[]

  constructor(schema: Schema) {
    const view = {}
    this.#cells = schema.names.map((name) => {
      const cell = { column: undefined as unknown as Column }
      const get = getter(schema.fields[name]!, cell, this.#at)
      Object.defineProperty(view, name, { get, enumerable: true })
      return cell
    })
    this.row = Object.freeze(view) as Row<F>
  }

  bind(batch: Batch): this {
    for (let c = 0; c < this.#cells.length; c++) this.#cells[c]!.column = batch.columns[c]!
    return this
  }

  moveTo(row: number): Row<F> {
    this.#at.row = row
    return this.row
  }
}

// A closure per type, so that each getter's loads stay monomorphic whatever the number of schemas.
function getter(field: FieldType, cell: Cell<Column>, at: { row: number }): () => unknown {
  switch (field.kind) {
    case 'string': {
      const strings = cell as Cell<StringColumn>
      return () => {
        const code = strings.column.codes[at.row]!
        return code < 0 ? null : strings.column.values[code]
      }
    }
    case 'bytes': {
      const bytes = cell as Cell<BytesColumn>
      return () => bytes.column.values[at.row]
    }
    case 'list':
    case 'map':
    case 'struct': {
      const bytes = cell as Cell<BytesColumn>
      return () => unpacked(field, bytes.column.values[at.row]!)
    }
    case 'bool': {
      const flags = cell as Cell<NumberColumn>
      return () => {
        const { valid, data } = flags.column
        return valid !== null && valid[at.row] === 0 ? null : data[at.row] === 1
      }
    }
    default: {
      const numbers = cell as Cell<NumberColumn>
      if (!field.nullable) return () => numbers.column.data[at.row]
      return () => {
        const { valid, data } = numbers.column
        return valid !== null && valid[at.row] === 0 ? null : data[at.row]
      }
    }
  }
}
