/** Collects the rows of an epoch that a stage turns away, as dead letters. */
import type { Timestamp } from '../base/time.ts'
import { type Batch, BatchBuilder } from '../records/batch.ts'
import { DEAD_LETTER_SCHEMA, type DeadLetterKind } from '../topology/dead-letters.ts'

/** A row that is turned away; see `DEAD_LETTER_SCHEMA`. */
export interface Letter {
  readonly at: Timestamp
  readonly split: number
  readonly offset: number | null
  readonly epoch: number | null
  readonly call: number | null
  readonly kind: DeadLetterKind
  readonly operator: string | null
  readonly reason: string
  readonly stack: string | null
  readonly row: string
  readonly diff: number
  readonly node: number | null
}

export class Refusals {
  readonly #source: string
  #builder = new BatchBuilder(DEAD_LETTER_SCHEMA, 16)

  /** @param source the source's or stage's name */
  constructor(source: string) {
    this.#source = source
  }

  add(letter: Letter): void {
    this.#builder.push({ source: this.#source, ...letter })
  }

  /** The letters since the last call; null where there are none. */
  take(): Batch | null {
    if (this.#builder.length === 0) return null
    const batch = this.#builder.finish()
    this.#builder = new BatchBuilder(DEAD_LETTER_SCHEMA, 16)
    return batch
  }
}
