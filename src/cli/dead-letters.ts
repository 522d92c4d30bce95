/** `umbel dead-letters`: rows that were turned away. */

import { type DeadLetter, readDeadLetters } from '../actors/dead-letter-file.ts'
import { orderLetters, readOrders } from '../actors/letter-orders.ts'
import { isHeld, SupervisorLock } from '../actors/real/supervisor-lock.ts'
import { ask } from '../actors/requests.ts'
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import { DEAD_LETTER_KINDS } from '../topology/dead-letters.ts'
import { print } from './print.ts'
import { makeTable } from './table.ts'

interface Options {
  readonly json?: boolean
}

interface Filter {
  readonly kind?: string
  readonly source?: string
}

interface ListOptions extends Options, Filter {
  readonly limit: number
  readonly open?: boolean
}

interface ActOptions extends Options, Filter {
  readonly all?: boolean
}

interface RetryOptions extends ActOptions {
  readonly row?: string
}

const COLUMNS = [
  { title: 'number', align: 'right' },
  { title: 'state', align: 'left' },
  { title: 'kind', align: 'left' },
  { title: 'from', align: 'left' },
  { title: 'position', align: 'right' },
  { title: 'reason', align: 'left' },
  { title: 'row', align: 'left' },
] as const

const WIDTH = 60
const short = (text: string): string => {
  const line = text.replace(/\s+/g, ' ')
  return line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line
}

/** What became of it: nobody has looked at it, or it was retried or dropped. */
type LetterState = 'open' | 'retried' | 'dropped'

interface Standing extends DeadLetter {
  readonly state: LetterState
}

const STATES = { retry: 'retried', drop: 'dropped' } as const

/** All of them, with what was ordered. */
async function readStandings(directory: string): Promise<Standing[]> {
  const letters = await readDeadLetters(nodeSeam.files, directory)
  const ordered = new Map(readOrders(nodeSeam.files, directory).map(({ letter, kind }) => [letter, STATES[kind]]))
  return letters.map((letter) => ({ ...letter, state: ordered.get(letter.number) ?? 'open' }))
}

/** A name that is none would look as if all were well. */
function checkFilter({ kind, source }: Filter, letters: readonly DeadLetter[]): void {
  if (kind !== undefined && !DEAD_LETTER_KINDS.some((known) => known === kind))
    throw userError(
      'dead-letter',
      `there is no kind '${kind}' of dead letters: they are ${DEAD_LETTER_KINDS.join(', ')}`,
    )
  const sources = [...new Set(letters.map((letter) => letter.source))]
  if (source !== undefined && sources.length > 0 && !sources.includes(source))
    throw userError('dead-letter', `no dead letter is from '${source}': they are from ${sources.join(', ')}`)
}

const isOf =
  ({ kind, source }: Filter) =>
  (letter: DeadLetter): boolean =>
    (kind === undefined || letter.kind === kind) && (source === undefined || letter.source === source)

export async function deadLettersList(directory: string, options: ListOptions): Promise<void> {
  const { limit, json, open } = options
  const all = await readStandings(directory)
  checkFilter(options, all)
  const letters = all.filter(isOf(options))
  const wanted = open ? letters.filter(({ state }) => state === 'open') : letters
  if (json) return print(JSON.stringify({ letters: wanted }))
  if (wanted.length === 0) return print('There are none.')
  const shown = wanted.slice(0, limit)
  const rows = shown.map((letter) => [
    letter.number,
    letter.state,
    letter.kind,
    `${letter.source}/${letter.split}${letter.operator === null ? '' : ` ${letter.operator}`}`,
    positionOf(letter) ?? '-',
    short(letter.reason),
    short(letter.row),
  ])
  print(makeTable(COLUMNS, rows))
  if (shown.length < wanted.length)
    print(`… and ${wanted.length - shown.length} more: give --limit, --kind or --source`)
}

/** Of a row of a source its offset in the split, of one behind a repartition which call it was. */
const positionOf = ({ offset, epoch, call }: DeadLetter): string | null =>
  epoch === null
    ? offset === null
      ? null
      : `offset ${offset}`
    : `epoch ${epoch}${call === null ? '' : `, call ${call}`}`

export async function deadLettersShow(directory: string, number: number, { json }: Options): Promise<void> {
  const letters = await readStandings(directory)
  const letter = letters[number - 1]
  if (letter === undefined)
    throw userError('dead-letter', `there is no dead letter ${number} in ${directory}: there are ${letters.length}`)
  print(json ? JSON.stringify(letter) : describe(letter))
}

export const deadLettersRetry = (directory: string, numbers: readonly number[], options: RetryOptions): Promise<void> =>
  act('retry', directory, numbers, options)

export const deadLettersDrop = (directory: string, numbers: readonly number[], options: ActOptions): Promise<void> =>
  act('drop', directory, numbers, options)

async function act(
  kind: 'retry' | 'drop',
  directory: string,
  numbers: readonly number[],
  { all, json, row, ...filter }: RetryOptions,
): Promise<void> {
  const letters = await chosen(directory, numbers, { all, ...filter })
  if (row !== undefined && letters.length !== 1)
    throw userError('dead-letter', `--row is for one dead letter, and these are ${letters.length}: give its number`)
  const request = { kind, letters, row: row ?? null }
  const isRunning = isHeld(directory)
  if (letters.length > 0) {
    if (isRunning) await ask(nodeSeam, directory, request, () => isHeld(directory))
    else {
      const lock = await SupervisorLock.take(directory)
      try {
        await orderLetters(nodeSeam.files, directory, request)
      } finally {
        lock.release()
      }
    }
  }
  if (json) return print(JSON.stringify({ [STATES[kind]]: letters, isDone: isRunning || kind === 'drop' }))
  if (letters.length === 0) return print('There are none.')
  const what = letters.length === 1 ? 'One dead letter' : `${letters.length} dead letters`
  if (kind === 'drop') print(`${what} dropped.`)
  else if (isRunning)
    print(`${what} retried; what is turned away again comes as a new one: umbel dead-letters list ${directory} --open`)
  else print(`${what} will be retried by the next start.`)
}

async function chosen(
  directory: string,
  numbers: readonly number[],
  { all, ...filter }: ActOptions,
): Promise<number[]> {
  const isFiltered = all === true || filter.kind !== undefined || filter.source !== undefined
  if (isFiltered && numbers.length > 0)
    throw userError(
      'dead-letter',
      'numbers say which ones, and so do --kind, --source and --all: give one or the other',
    )
  if (!isFiltered && numbers.length === 0)
    throw userError('dead-letter', 'say which ones: their numbers, or --kind and --source, or --all')
  if (numbers.length > 0) return [...numbers]
  const letters = await readStandings(directory)
  checkFilter(filter, letters)
  return letters.filter((letter) => letter.state === 'open' && isOf(filter)(letter)).map(({ number }) => number)
}

function describe(letter: Standing): string {
  const { number, state, kind, source, split, operator, at, reason, stack, row } = letter
  const position = positionOf(letter)
  const place = `${source}/${split}${position === null ? '' : `, ${position}`}`
  return [
    `number   ${number}`,
    `state    ${state}`,
    `kind     ${kind}`,
    `from     ${place}${operator === null ? '' : `, ${operator}`}`,
    `at       ${at}`,
    `row      ${row}`,
    `reason   ${reason}`,
    ...(stack === null ? [] : ['', stack]),
  ].join('\n')
}
