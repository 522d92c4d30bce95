/** `umbel dead-letters`: rows that were turned away. */
import { type DeadLetter, readDeadLetters } from '../actors/dead-letter-file.ts'
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { makeTable } from './table.ts'

interface Options {
  readonly json?: boolean
}

export interface ListOptions extends Options {
  readonly kind?: string
  readonly source?: string
  readonly limit: number
}

const COLUMNS = [
  { title: 'number', align: 'right' },
  { title: 'kind', align: 'left' },
  { title: 'from', align: 'left' },
  { title: 'offset', align: 'right' },
  { title: 'reason', align: 'left' },
  { title: 'row', align: 'left' },
] as const

const WIDTH = 60

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const short = (text: string): string => {
  const line = text.replace(/\s+/g, ' ')
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line
}

export function deadLettersList(directory: string, options: ListOptions): void {
  const { kind, source, limit, json } = options
  const letters = readDeadLetters(nodeSeam.files, directory).filter(
    (letter) => (kind === undefined || letter.kind === kind) && (source === undefined || letter.source === source),
  )
  if (json) return print(JSON.stringify({ letters }))
  if (letters.length === 0) return print('There are none.')
  const shown = letters.slice(0, limit)
  const rows = shown.map(({ number, kind: of, source: from, split, operator, offset, reason, row }) => [
    number,
    of,
    `${from}/${split}${operator === null ? '' : ` ${operator}`}`,
    offset ?? '-',
    short(reason),
    short(row),
  ])
  print(makeTable(COLUMNS, rows))
  if (shown.length < letters.length)
    print(`… and ${letters.length - shown.length} more: give --limit, --kind or --source`)
}

export function deadLettersShow(directory: string, number: number, { json }: Options): void {
  const letters = readDeadLetters(nodeSeam.files, directory)
  const letter = letters[number - 1]
  if (letter === undefined)
    throw userError('dead-letter', `there is no dead letter ${number} in ${directory}: there are ${letters.length}`)
  print(json ? JSON.stringify(letter) : describe(letter))
}

function describe(letter: DeadLetter): string {
  const { number, kind, source, split, offset, operator, at, reason, stack, row } = letter
  const place = offset === null ? `${source}/${split}` : `${source}, split ${split}, offset ${offset}`
  return [
    `number   ${number}`,
    `kind     ${kind}`,
    `from     ${place}${operator === null ? '' : `, ${operator}`}`,
    `at       ${at}`,
    `row      ${row}`,
    `reason   ${reason}`,
    ...(stack === null ? [] : ['', stack]),
  ].join('\n')
}
