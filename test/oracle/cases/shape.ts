/** What the rows of a step are like: which columns they have, and what may follow. */
import type { OracleAggregates } from '../windows.ts'
import type { Column, NearStep, Step, TableJoinStep } from './case.ts'

export interface Shape {
  readonly columns: readonly Column[]
  /** The column of the event time. */
  readonly time: string
  readonly isTable: boolean
  /** Rows may be taken back by corrections. */
  readonly retracts: boolean
  /** How much older than the watermark a row may be. */
  readonly bound: number
  /** Rows are told apart at equal times as those of the sources were. */
  readonly isPlain: boolean
  /** Where rows are not plain: of these columns and the time there is one row at the most. */
  readonly unique: readonly string[] | null
}

export const SOURCE_COLUMNS: readonly Column[] = [
  { name: 'at', kind: 'time' },
  { name: 'k', kind: 'string', nullable: true },
  { name: 'g', kind: 'int' },
  { name: 'n', kind: 'int', nullable: true },
  { name: 'x', kind: 'float', nullable: true },
  { name: 'b', kind: 'bool' },
]

/** Shapes of all steps, inputs first. */
export function shapesOf(steps: readonly Step[]): Shape[] {
  const shapes: Shape[] = []
  for (const step of steps) shapes.push(shapeOf(step, shapes))
  return shapes
}

const KINDS: Readonly<Record<string, Column['kind']>> = {
  ...{ count: 'int', countDistinct: 'int', mean: 'float', stddev: 'float', variance: 'float', decayedSum: 'float' },
  ...{ distinct: 'list', firstK: 'list', lastK: 'list' },
}

/** The column of an aggregate. */
function resultOf(
  name: string,
  [kind, of, options = {}]: OracleAggregates[string],
  input: readonly Column[],
  isOverRows: boolean,
): Column {
  const column = input.find((one) => one.name === of)
  const isWhole = kind.startsWith('count') || KINDS[kind] === 'list' || options.default !== undefined
  const nullable =
    !isWhole && ((column?.nullable ?? false) || options.where !== undefined || (options.over != null && !isOverRows))
  return { name, kind: KINDS[kind] ?? column!.kind, nullable }
}

function shapeOf(step: Step, shapes: readonly Shape[]): Shape {
  if (step.op === 'source') {
    const { lateness } = step
    return {
      columns: SOURCE_COLUMNS,
      time: 'at',
      isTable: false,
      retracts: false,
      bound: lateness,
      isPlain: true,
      unique: null,
    }
  }
  const input = shapes[step.inputs[0]]!
  const columnsOf = (names: readonly string[]) => names.map((name) => input.columns.find((one) => one.name === name)!)
  const aggregated = (aggregates: OracleAggregates): Column[] =>
    Object.entries(aggregates).map(([name, aggregation]) =>
      resultOf(name, aggregation, input.columns, step.op === 'over'),
    )
  switch (step.op) {
    case 'filter':
    case 'index':
      return input
    case 'assign': {
      const others = input.columns.filter(({ name }) => name !== step.name)
      const unique = input.unique?.includes(step.name) ? null : input.unique
      return { ...input, columns: [...others, { name: step.name, kind: 'int', nullable: false }], unique }
    }
    case 'select': {
      const kept = input.unique?.every((name) => step.names.includes(name)) ? input.unique : null
      return { ...input, columns: columnsOf([...step.names, input.time]), unique: kept }
    }
    case 'rename': {
      const to = (name: string) => step.names[name] ?? name
      const columns = input.columns.map((one) => ({ ...one, name: to(one.name) }))
      return { ...input, columns, time: to(input.time), unique: input.unique?.map(to) ?? null }
    }
    case 'union': {
      const other = shapes[step.inputs[1]]!
      return {
        ...input,
        retracts: input.retracts || other.retracts,
        bound: Math.max(input.bound, other.bound),
        isPlain: input.isPlain && other.isPlain,
        unique: null,
      }
    }
    case 'window':
    case 'session':
      return {
        columns: [
          ...columnsOf(step.keys),
          { name: 'window_start', kind: 'time' },
          { name: 'window_end', kind: 'time' },
          ...aggregated(step.aggregates),
        ],
        time: 'window_end',
        isTable: false,
        retracts: input.retracts || input.bound > 0 || step.emit === 'eager',
        bound: input.bound + (step.op === 'session' ? step.gap : step.lookback),
        isPlain: false,
        unique: step.keys,
      }
    case 'drop-null': {
      const columns = input.columns.map((one) => (step.names.includes(one.name) ? { ...one, nullable: false } : one))
      return { ...input, columns }
    }
    case 'over':
      return { ...input, columns: [...input.columns, ...aggregated(step.aggregates)], retracts: true }
    case 'explode':
      return {
        ...input,
        columns: [...input.columns, { name: step.name, kind: 'int', nullable: true }],
        unique: null,
      }
    case 'transform':
      return {
        ...input,
        columns: [...columnsOf(step.names), { name: input.time, kind: 'time' }, { name: step.name, kind: 'int' }],
        unique: null,
      }
    case 'changelog':
      return {
        ...input,
        columns: [...input.columns, { name: step.name, kind: 'bool' }],
        isTable: false,
        unique: input.unique === null ? null : [...input.unique, step.name],
      }
    case 'dedup':
      return {
        ...input,
        retracts: input.retracts || input.bound > 0 || step.emit === 'eager',
        bound: input.bound + (step.gap ?? step.span),
      }
    case 'fold':
      return {
        columns:
          'which' in step.fold
            ? [...input.columns, ...(step.fold.which === 'top' ? [{ name: 'rank', kind: 'int' } as const] : [])]
            : [...columnsOf(step.keys), { name: input.time, kind: 'time' }, ...aggregated(step.fold.aggregates)],
        time: input.time,
        isTable: true,
        retracts: true,
        bound: input.bound,
        isPlain: false,
        unique: 'which' in step.fold && step.fold.which === 'top' ? [...step.keys, 'rank'] : step.keys,
      }
    case 'join': {
      const right = shapes[step.inputs[1]]!
      const columns = joinedColumns(step, input, right)
      return { ...input, columns, bound: Math.max(input.bound, right.bound), unique: null }
    }
    case 'near': {
      const right = shapes[step.inputs[1]]!
      const { span, how } = step
      const late = Math.max(input.bound, right.bound)
      const back = 'size' in span ? span.size : Math.max(span.newer, how === 'right' || how === 'full' ? span.older : 0)
      return {
        ...{ ...input, columns: joinedColumns(step, input, right), unique: null, isPlain: false },
        retracts: step.emit === 'final' ? late > 0 : input.retracts || right.retracts || how !== 'inner',
        bound: late + back,
      }
    }
    case 'as-of': {
      const right = shapes[step.inputs[1]]!
      const added = step.fields.map((name) => {
        const column = right.columns.find((one) => one.name === name)!
        return { ...column, nullable: step.how === 'left' || (column.nullable ?? false) }
      })
      return {
        ...input,
        columns: [...input.columns, ...added],
        retracts: input.retracts || right.bound > 0,
        bound: Math.max(input.bound, right.bound) + step.newer,
      }
    }
  }
}

/** Columns of both sides, nullable where the other side may be there alone. */
function joinedColumns(
  { how, leftKeys, rightKeys, fields }: TableJoinStep | NearStep,
  left: Shape,
  right: Shape,
): Column[] {
  const rightColumn = (name: string) => right.columns.find((one) => one.name === name)!
  const [mayLackLeft, mayLackRight] = [how === 'full' || how === 'right', how === 'full' || how === 'left']
  const ofLeft = left.columns.map((column) => {
    const key = leftKeys.indexOf(column.name)
    const isKept = column.name === left.time || (key >= 0 && !(rightColumn(rightKeys[key]!).nullable ?? false))
    return mayLackLeft && !isKept ? { ...column, nullable: true } : column
  })
  const ofRight = fields.map(rightColumn)
  return [...ofLeft, ...(mayLackRight ? ofRight.map((column) => ({ ...column, nullable: true })) : ofRight)]
}
