/** Tables for people: no colours where there is no terminal, no rules between rows. */
import Table from 'cli-table3'
import pc from 'picocolors'

export interface TableColumn {
  readonly title: string
  readonly align: 'left' | 'right'
}

export function makeTable(columns: readonly TableColumn[], rows: readonly (readonly (string | number)[])[]): string {
  const table = new Table({
    head: columns.map(({ title }) => pc.bold(title)),
    colAligns: columns.map(({ align }) => align),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    chars: {
      top: '',
      'top-mid': '',
      'top-left': '',
      'top-right': '',
      bottom: '',
      'bottom-mid': '',
      'bottom-left': '',
      'bottom-right': '',
      left: '  ',
      'left-mid': '',
      mid: '',
      'mid-mid': '',
      right: '',
      'right-mid': '',
      middle: '',
    },
  })
  table.push(...rows.map((row) => [...row]))
  return table.toString()
}
