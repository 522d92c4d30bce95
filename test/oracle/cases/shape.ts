/** What the rows of a step are like: which columns they have, and what may follow. */
import type { Column, Step } from './case.ts'

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
]

/** Shapes of all steps, inputs first. */
export function shapesOf(steps: readonly Step[]): Shape[] {
  const shapes: Shape[] = []
  for (const step of steps) shapes.push(shapeOf(step, shapes))
  return shapes
}

const resultKind = (kind: string, column: Column | undefined): Column['kind'] =>
  kind === 'count' ? 'int' : kind === 'mean' || kind === 'stddev' || kind === 'variance' ? 'float' : column!.kind

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
  const aggregated = (aggregates: Readonly<Record<string, readonly [string, string?]>>): Column[] =>
    Object.entries(aggregates).map(([name, [kind, of]]) => {
      const column = input.columns.find((one) => one.name === of)
      return { name, kind: resultKind(kind, column), nullable: column?.nullable ?? false }
    })
  switch (step.op) {
    case 'filter':
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
        bound: input.bound,
        isPlain: false,
        unique: step.keys,
      }
    case 'drop-null': {
      const columns = input.columns.map((one) => (step.names.includes(one.name) ? { ...one, nullable: false } : one))
      return { ...input, columns }
    }
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
        bound: input.bound + step.span,
      }
    case 'fold':
      return {
        columns:
          typeof step.fold === 'string'
            ? input.columns
            : [...columnsOf(step.keys), { name: input.time, kind: 'time' }, ...aggregated(step.fold)],
        time: input.time,
        isTable: true,
        retracts: true,
        bound: input.bound,
        isPlain: false,
        unique: step.keys,
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
