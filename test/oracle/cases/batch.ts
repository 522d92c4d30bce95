/** What a case comes to in one go over all rows, by brute force. */
import { asOfJoin } from '../as-of.ts'
import { dedupOf } from '../dedup.ts'
import { foldOf, type OracleUpdate } from '../folds.ts'
import { nearOf } from '../near.ts'
import { overRowsOf } from '../over-rows.ts'
import { firstOf } from '../ranks.ts'
import { tableJoinOf } from '../table-join.ts'
import { type OracleRow, sessionsOf, windowsOf } from '../windows.ts'
import { type AsOfStep, type Case, SECOND, type Step } from './case.ts'
import { type Shape, shapesOf } from './shape.ts'

/** Of a stream all rows, each once; of a table its updates. */
export type Rows = readonly OracleUpdate[]

/** The updates of each step. */
export function updatesOf({ steps }: Case): Rows[] {
  const shapes = shapesOf(steps)
  const all: Rows[] = []
  steps.forEach((step, s) => all.push(evaluate(step, all, shapes, shapes[s]!)))
  return all
}

/** The rows of each step, or, of a table, those that hold in the end. */
export function batchOf({ steps }: Case, all: readonly Rows[]): OracleRow[][] {
  const shapes = shapesOf(steps)
  return all.map((rows, s) => (shapes[s]!.isTable ? holding(rows, shapes[s]!.time) : rows.map(({ row }) => row)))
}

/** Places of equal length are compared as they stand, others by where they first differ. */
const place = (...parts: number[]): Buffer => Buffer.from(Float64Array.from(parts).map(swapped).buffer)
function swapped(value: number): number {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleBE(value + 1)
  return bytes.readDoubleLE(0)
}

const map = (rows: Rows, change: (row: OracleRow) => OracleRow): Rows =>
  rows.map((update) => ({ ...update, row: change(update.row) }))

export const keeps = (value: unknown, rest: number): boolean =>
  Math.abs(Math.trunc(((value as number | null) ?? 0) % 3)) !== rest
export const multiplied = (value: unknown, times: number): number =>
  Math.trunc((((value as number | null) ?? 1) % 1000) * times)

/** The elements that are made of a value: none, one, or two. */
export const elements = (value: unknown): number[] =>
  Array.from({ length: Math.abs(Math.trunc(((value as number | null) ?? 0) % 3)) }, (_, i) => i)

function evaluate(step: Step, all: readonly Rows[], shapes: readonly Shape[], shape: Shape): Rows {
  if (step.op === 'source')
    return step.rows.map((row, i) => ({
      row: { ...row, at: (row.at as number) * SECOND },
      diff: 1,
      origin: place(i % step.splits, Math.floor(i / step.splits)),
    }))
  const rows = all[step.inputs[0]]!
  const input = shapes[step.inputs[0]]!
  switch (step.op) {
    case 'index':
      return rows
    case 'over':
      return overRowsOf(rows, { ...step, time: input.time, unit: SECOND })
    case 'filter':
      return rows.filter(({ row }) => keeps(row[step.column], step.rest))
    case 'assign':
      return map(rows, (row) => ({ ...row, [step.name]: multiplied(row[step.column], step.times) }))
    case 'select':
      return map(rows, (row) => Object.fromEntries([...step.names, input.time].map((name) => [name, row[name]])))
    case 'rename':
      return map(rows, (row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [step.names[name] ?? name, value])),
      )
    case 'union':
      return step.inputs.flatMap((from, port) =>
        all[from]!.map((update) => ({ ...update, origin: Buffer.concat([place(port), update.origin]) })),
      )
    case 'window':
      return windowsOf(
        firstOf(rows, { which: 'first', by: [], limit: rows.length }, input.time).map(({ row }) => row),
        {
          ...{ ...step, time: input.time, size: step.size * SECOND, hop: step.hop * SECOND },
          ...{ offset: step.offset * SECOND, step: step.step && step.step * SECOND },
        },
      ).map((row) => ({ row, diff: 1, origin: place(0) }))
    case 'session':
      return sessionsOf(
        firstOf(rows, { which: 'first', by: [], limit: rows.length }, input.time).map(({ row }) => row),
        { ...step, time: input.time, gap: step.gap * SECOND },
      ).map((row) => ({ row, diff: 1, origin: place(0) }))
    case 'dedup':
      return dedupOf(rows, {
        ...{ time: input.time, keys: step.keys, span: step.span * SECOND },
        gap: step.gap === undefined ? undefined : step.gap * SECOND,
      })
    case 'drop-null':
      return rows.filter(({ row }) => step.names.every((name) => row[name] !== null))
    case 'explode':
      return rows.flatMap((update) => {
        const made: (number | null)[] = elements(update.row[step.column])
        return partsOf(update, made.length === 0 ? [null] : made, (row, value) => ({ ...row, [step.name]: value }))
      })
    case 'transform':
      return rows.flatMap((update) =>
        partsOf(update, elements(update.row[step.column]), (row, value) => ({
          ...Object.fromEntries([...step.names, input.time].map((name) => [name, row[name]])),
          [step.name]: value,
        })),
      )
    case 'changelog':
      return changesOf(rows, step.name, step.marks)
    case 'fold':
      return foldOf(rows, {
        time: input.time,
        keys: step.keys,
        isTable: input.isTable,
        fold: step.fold,
        unit: SECOND,
        every: step.every,
      }).map((update) => ({ ...update, origin: place(0) }))
    case 'join':
      return tableJoinOf(rows, all[step.inputs[1]]!, {
        ...{ ...step, leftTime: input.time, rightTime: shapes[step.inputs[1]]!.time },
        plain: input.columns.map(({ name }) => name),
      }).map((update) => ({ ...update, origin: place(0) }))
    case 'near':
      return nearOf(rows, all[step.inputs[1]]!, {
        ...{ ...step, leftTime: input.time, rightTime: shapes[step.inputs[1]]!.time },
        plain: input.columns.map(({ name }) => name),
        span: Object.fromEntries(Object.entries(step.span).map(([name, units]) => [name, units * SECOND])) as never,
      }).map((row) => ({ row, diff: 1, origin: place(0) }))
    case 'as-of':
      return joined(step, rows, all[step.inputs[1]]!, shapes[step.inputs[1]]!, shape)
  }
}

/** Rows that are made of one, behind each other. */
const partsOf = <T>(update: OracleUpdate, parts: readonly T[], make: (row: OracleRow, part: T) => OracleRow): Rows =>
  parts.map((part, i) => ({
    row: make(update.row, part),
    diff: update.diff,
    origin: Buffer.concat([update.origin, place(i)]),
  }))

/** What begins and what ends at each time. */
function changesOf(rows: Rows, name: string, marks: 'insert' | 'delete'): Rows {
  const sums = new Map<string, { row: OracleRow; diff: number }>()
  for (const { row, diff } of rows) {
    const text = JSON.stringify(Object.entries(row).sort())
    sums.set(text, { row, diff: (sums.get(text)?.diff ?? 0) + diff })
  }
  return [...sums.values()].flatMap(({ row, diff }) =>
    Array.from({ length: Math.abs(diff) }, () => ({
      row: { ...row, [name]: diff > 0 === (marks === 'insert') },
      diff: 1,
      origin: place(0),
    })),
  )
}

function joined(step: AsOfStep, left: Rows, right: Rows, shape: Shape, output: Shape): Rows {
  const oracle = {
    ...{ leftTime: output.time, rightTime: shape.time, leftKeys: step.leftKeys, rightKeys: step.rightKeys },
    ...{ fields: step.fields, how: step.how, isTable: shape.isTable },
    ...{ older: (step.older ?? Number.POSITIVE_INFINITY) * SECOND, newer: step.newer * SECOND },
  }
  const names = [...step.rightKeys, ...step.fields]
  const versions = shape.isTable ? spansOf(right, names, shape.time) : right
  return left.flatMap((update) => asOfJoin([update.row], versions, oracle).map((row) => ({ ...update, row })))
}

/** Updates of equal rows, by time. The time is none of the `names`. */
function byContent(rows: Rows, names: readonly string[], time: string): OracleUpdate[][] {
  const groups = new Map<string, OracleUpdate[]>()
  for (const update of rows) {
    const content = JSON.stringify(names.map((name) => update.row[name]))
    groups.set(content, [...(groups.get(content) ?? []), update])
  }
  return [...groups.values()].map((group) => group.sort((a, b) => (a.row[time] as number) - (b.row[time] as number)))
}

/** Spans of time in which rows with such values hold, the event time being their begin. */
export function spansOf(rows: Rows, names: readonly string[], time: string) {
  return byContent(rows, names, time).flatMap((group) => {
    const spans: { row: OracleRow; origin: Uint8Array; until?: number }[] = []
    let count = 0
    for (const at of new Set(group.map(({ row }) => row[time] as number))) {
      const before = count
      for (const { row, diff } of group) if (row[time] === at) count += diff
      if (before <= 0 && count > 0) spans.push({ row: { ...group[0]!.row, [time]: at }, origin: place(0) })
      if (before > 0 && count <= 0) spans.at(-1)!.until = at
    }
    return spans
  })
}

/** Rows of a table that hold in the end, with the times from which on they do. */
function holding(rows: Rows, time: string): OracleRow[] {
  if (rows.length === 0) return []
  const names = Object.keys(rows[0]!.row).filter((name) => name !== time)
  return byContent(rows, names, time).flatMap((group) => {
    const count = group.reduce((sum, { diff }) => sum + diff, 0)
    const since = spansOf(group, names, time).at(-1)?.row[time]
    return Array.from({ length: Math.max(0, count) }, () => ({ ...group[0]!.row, [time]: since }))
  })
}
