/** The output side of a fold: changes of groups become updates of the output schema. */
import type { Value } from '../../records/column.ts'
import type { Schema } from '../../records/schema.ts'
import type { Emit } from '../operator.ts'
import { RowOutput } from '../row-output.ts'
import type { OutputChange } from './group.ts'

export interface FoldOutputPlan {
  readonly output: Schema
  readonly keys: readonly string[]
  /** Columns of the output behind the keys, in the order of a change's values. */
  readonly results: readonly string[]
  readonly origin: Uint8Array | null
}

const ORDINAL = new Uint8Array(8)

export class FoldOutput {
  readonly #plan: FoldOutputPlan
  readonly #rows: RowOutput
  /** By column of the output: which of the values it takes; keys, then results, and -1 is the time. */
  readonly #sources: readonly number[]

  constructor(plan: FoldOutputPlan, emit: Emit) {
    this.#plan = plan
    this.#rows = new RowOutput(plan.output, emit)
    const { keys, results, output } = plan
    this.#sources = output.names.map((name) => {
      const key = keys.indexOf(name)
      return name === output.time ? -1 : key >= 0 ? key : keys.length + results.indexOf(name)
    })
  }

  push(key: Uint8Array, keys: readonly Value[], { time, values, diff }: OutputChange): void {
    const { origin } = this.#plan
    const from = origin === null ? undefined : Buffer.concat([origin, key, ORDINAL])
    const row = this.#sources.map((source) =>
      source < 0 ? time : source < keys.length ? keys[source]! : values[source - keys.length]!,
    )
    this.#rows.push(row, diff, from)
  }

  /** Emits what is pending. */
  end(): void {
    this.#rows.end()
  }
}
