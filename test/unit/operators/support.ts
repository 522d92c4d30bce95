/**
 * Runs one operator over tables in memory, as a shard would: batches in, time on within a budget, flushes, stores that
 * are under way for a while, and two ways to come back: over the tables as they are, or after a crash, from the last
 * store, with everything since replayed. A replay must put out the same rows in the same order, step by step, wherever
 * flushes fell in the first run: that is checked here, for every test that crashes.
 */
import { deepStrictEqual } from 'node:assert/strict'
import fc from 'fast-check'
import type { Operator, OperatorContext, OperatorLimits } from '../../../src/operators/operator.ts'
import { type Guard, NO_GUARD } from '../../../src/operators/user-code.ts'
import { type Batch, BatchBuilder } from '../../../src/records/batch.ts'
import type { UserValue } from '../../../src/records/column.ts'
import { consolidate } from '../../../src/records/consolidate.ts'
import { originBytes } from '../../../src/records/origin.ts'
import type { Fields, Schema } from '../../../src/records/schema.ts'
import { Journal } from '../../../src/recovery/journal.ts'
import type { Write } from '../../../src/storage/environment.ts'
import { MemoryEnvironment } from '../../../src/storage/memory-environment.ts'
import type { KeyedTable } from '../../../src/storage/table.ts'
import { WriteSet } from '../../../src/storage/write-set.ts'

export type PlainRow = Readonly<Record<string, UserValue>>

/** One update, as tests write it. */
export interface Update {
  readonly row: PlainRow
  readonly diff?: number
  readonly origin?: Uint8Array
}

/** How many random runs a property gets: more with `FC_TIMES=10`. */
export const runs = (count: number): number => count * Number(process.env.FC_TIMES ?? 1)

/** What happens in random histories beside rows that come: time goes on, stores are written, instances and crashes come and go. */
export const passing = [
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('advance' as const),
      by: fc.nat(8),
      budget: fc.integer({ min: 1, max: 4 }),
      isWhole: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('flush' as const, 'reopen' as const),
      store: fc.constantFrom('now' as const, 'later' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const) }) },
] as const

export const anySchema = <F extends Fields>(schema: Schema<F>): Schema => schema as unknown as Schema

/** A batch of updates; all of them have an origin or none. */
export function batchOf<F extends Fields>(schema: Schema<F>, updates: readonly Update[]): Batch {
  const builder = new BatchBuilder(anySchema(schema))
  for (const { row, diff, origin } of updates) builder.push(row, diff, origin)
  return builder.finish()
}

/** A batch of insertions. */
export const rowsOf = <F extends Fields>(schema: Schema<F>, ...rows: PlainRow[]): Batch =>
  batchOf(
    schema,
    rows.map((row) => ({ row })),
  )

/** An origin from two small numbers: a head and the place behind it. */
export const originOf = (head: number, seq = 0): Uint8Array => Uint8Array.from([0, head, 0, 0, 0, 0, 0, 0, 0, seq])

/** Updates as they came: `+ at=1 key=a`. */
export const updatesOf = (batches: Iterable<Batch>): string[] =>
  [...batches].flatMap((batch) =>
    batch.rows().map((row, i) => `${batch.diff(i) > 0 ? '+' : '-'} ${lineOf(batch.schema, row)}`),
  )

/** What batches come to, as sorted lines; a line whose diff is not 1 begins with it. */
export const linesOf = (batches: Iterable<Batch>): string[] => {
  const all = [...batches]
  return consolidate(all)
    .map(({ row, diff }) => `${diff === 1 ? '' : `${diff} x `}${lineOf(all[0]!.schema, row)}`)
    .sort()
}

/** Plain rows as `linesOf` shows them. */
export const linesOfRows = (schema: Schema, rows: readonly Readonly<Record<string, unknown>>[]): string[] => {
  const counts = new Map<string, number>()
  for (const row of rows) {
    const line = lineOf(schema, row)
    counts.set(line, (counts.get(line) ?? 0) + 1)
  }
  return [...counts].map(([line, count]) => (count === 1 ? line : `${count} x ${line}`)).sort()
}

// The template makes one of the two zeros.
const lineOf = (schema: Schema, row: Readonly<Record<string, unknown>>): string =>
  schema.names.map((name) => `${name}=${row[name]}`).join(' ')

type Step =
  | { readonly batch: Batch; readonly port: number }
  | { readonly watermarks: readonly number[]; readonly rows: number; readonly bytes: number }

interface Done {
  readonly step: Step
  /** What the step put out: diffs, values and origins in order. */
  readonly out: readonly string[]
  readonly digest: number
  readonly isDone: boolean
  readonly answers: readonly unknown[]
}

/** Small ones, so that few rows fill them: no result may depend on them. */
export const LIMITS: OperatorLimits = {
  batchBytesMax: 100,
  outboxBytesMax: 200,
  cacheBytesMax: 200,
  writeSetBytesMax: 1 << 22,
}

const META = new Uint8Array(0)

export class Recorder {
  /** Everything put out, in order. */
  readonly emitted: Batch[] = []
  readonly journal = new Journal()
  operator!: Operator
  readonly guard: Guard
  readonly #limits: OperatorLimits
  #sealedWrites: Write[] | null = null
  readonly #make: (context: OperatorContext) => Operator
  readonly #environment = new MemoryEnvironment()
  #writes = new WriteSet(this.#environment)
  #watermarks: readonly number[]
  #version = 0
  /** Steps since the last store; those before `#sealed` are in the store that is under way. */
  #steps: Done[] = []
  #sealed = 0
  #storedWatermarks: readonly number[] | null = null
  #sealedWatermarks: readonly number[] = []
  #out: Batch[] = []

  constructor(make: (context: OperatorContext) => Operator, inputs = 1, guard = NO_GUARD, limits = LIMITS) {
    this.#make = make
    this.#limits = limits
    this.guard = guard
    this.#watermarks = new Array(inputs).fill(Number.NEGATIVE_INFINITY)
    this.#start(null)
  }

  get watermarks(): readonly number[] {
    return this.#watermarks
  }

  /** Keys that stand in these tables. */
  keysOf(...tables: string[]): Uint8Array[] {
    return tables.flatMap((table) => [...this.#writes.table(table).range()].map(([key]) => key))
  }

  /** A table as it is now. */
  table(name: string): KeyedTable {
    return this.#writes.table(name)
  }

  push(batch: Batch, port = 0): void {
    this.#run({ batch, port })
  }

  /** One call of `advance`. */
  step(watermarks: readonly number[], rows: number, bytes = Number.POSITIVE_INFINITY): boolean {
    return this.#run({ watermarks, rows, bytes })
  }

  /** Calls `advance` with a small budget until all is done; returns how many calls it took. */
  advance(watermarks: readonly number[], rows = 2, bytes = Number.POSITIVE_INFINITY): number {
    for (let calls = 1; calls < 100_000; calls++) if (this.step(watermarks, rows, bytes)) return calls
    throw new Error('advance never ends')
  }

  /** Ends the epoch, flushes and seals; the store is written at once, or, with `store: 'later'`, by the next flush. */
  async flush(store: 'now' | 'later' = 'now'): Promise<void> {
    const last = this.#steps.at(-1)?.step
    if (last !== undefined && 'batch' in last) this.step(this.#watermarks, 1)
    await this.#commit()
    this.operator.flush?.()
    this.#sealedWrites = this.#writes.seal()
    this.#sealed = this.#steps.length
    this.#sealedWatermarks = this.#watermarks
    if (store === 'now') await this.#commit()
  }

  /** Flushes and goes on with a new instance over the same tables. */
  async reopen(store: 'now' | 'later' = 'now'): Promise<void> {
    await this.flush(store)
    this.#start(this.#watermarks)
  }

  /** Loses what is not stored, and replays it. */
  async crash(): Promise<void> {
    this.#sealedWrites = null
    this.#sealed = 0
    this.#writes = new WriteSet(this.#environment)
    const [lost, watermarks] = [this.#steps, this.#watermarks]
    this.#steps = []
    this.journal.startReplay(lost.flatMap(({ answers }) => answers))
    this.#start(this.#storedWatermarks)
    const before = this.emitted.length
    for (const done of lost) {
      const { step, out, digest, isDone } = done
      this.#run(step)
      const again = this.#steps.pop()!
      this.#steps.push(done)
      deepStrictEqual({ out: again.out, digest: again.digest, isDone: again.isDone }, { out, digest, isDone })
    }
    this.journal.endReplay()
    this.emitted.length = before
    this.#watermarks = watermarks
  }

  async #commit(): Promise<void> {
    if (this.#sealedWrites === null) return
    const version = this.#version + 1
    const isStored = await this.#environment.commit(this.#version, { version, body: META }, this.#sealedWrites)
    if (!isStored) throw new Error('the store refused')
    this.#version = version
    this.#writes.sealedStored()
    this.#sealedWrites = null
    this.#steps = this.#steps.slice(this.#sealed)
    this.#sealed = 0
    this.#storedWatermarks = this.#sealedWatermarks
  }

  #start(stored: readonly number[] | null): void {
    const writes = this.#writes
    this.operator = this.#make({
      table: (name) => writes.table(name),
      emit: (batch) => this.#out.push(batch),
      journal: (ask) => this.journal.ask(ask),
      guard: this.guard,
      limits: this.#limits,
    })
    if (stored !== null) this.operator.open?.(stored)
  }

  #run(step: Step): boolean {
    this.#out = []
    let isDone = true
    if ('batch' in step) this.operator.onBatch(step.batch, step.port)
    else {
      this.#watermarks = step.watermarks
      isDone = this.operator.advance?.(step.watermarks, { rows: step.rows, bytes: step.bytes }) ?? true
    }
    const out = this.#out.flatMap((batch) => {
      const rows = batch.rows()
      return updatesOf([batch]).map((line, i) => {
        // Other bytes, though the template shows both zeros alike.
        const exact = batch.schema.names.some((name) => Object.is(rows[i]![name], -0)) ? `${line} (-0)` : line
        const { origins } = batch
        return origins === null ? exact : `${exact} from ${Buffer.from(originBytes(origins, i)).toString('hex')}`
      })
    })
    const answers = this.journal.take()
    this.#steps.push({ step, out, digest: this.operator.digest?.() ?? 0, isDone, answers })
    this.emitted.push(...this.#out)
    return isDone
  }
}
