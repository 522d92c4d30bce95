/**
 * Dead letters of the job `letters`, while it is harmed and in the end: what it is told by files, and whether each row
 * that was turned away is in the result, or still a letter, and never both.
 */
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** How far through the input is when it waits to be released; see the job. */
const HELD_FROM = 0.75

/** All of them with what was ordered, in order of their numbers: `retry`, `drop`, or null. */
export async function readLetters(dist, directory) {
  const load = (file) => import(pathToFileURL(path.resolve(dist, file)).href)
  const [{ readDeadLetters }, { readOrders }, { nodeSeam }] = await Promise.all(
    ['actors/dead-letter-file.js', 'actors/letter-orders.js', 'base/real/node-seam.js'].map(load),
  )
  const letters = await readDeadLetters(nodeSeam.files, directory)
  const orders = new Map(readOrders(nodeSeam.files, directory).map(({ letter, kind }) => [letter, kind]))
  return letters.map(({ number, kind, reason, row }) => {
    return { number, kind, reason, row: JSON.parse(row), order: orders.get(number) ?? null }
  })
}

/**
 * Retries all that are open, and drops those that nothing helps.
 * @param isMended otherwise what kills is left alone, and others may be turned away again
 * @returns how many there were
 */
export async function actOnLetters(running, dist, directory, isMended) {
  const letters = await readLetters(dist, directory)
  const open = letters.filter(({ order, kind }) => order === null && (isMended || kind !== 'killed'))
  const isLost = ({ reason }) => reason.includes('never')
  const isWrong = ({ row }) => row.amount < 0
  const numbers = (some) => some.map(({ number }) => number)
  const wrong = open.filter((one) => !isLost(one) && isWrong(one))
  await Promise.all([
    running.drop(numbers(open.filter(isLost))),
    running.retry(numbers(open.filter((one) => !isLost(one) && !isWrong(one)))),
    ...wrong.map(({ number, row }) => running.retry([number], JSON.stringify({ ...row, amount: -row.amount }))),
  ])
  return open.length
}

export class HarmedLetters {
  #options
  /** What runs was asked to retry what is left. */
  #isAsked = false
  /** Who dies, one after the other, when orders were written. */
  #toDie = []
  #ordersBytes = 0

  /** @param options of the run, and the directory of its state */
  constructor(options) {
    this.#options = options
  }

  /** Where the job looks for what it is told. */
  get file() {
    return path.join(this.#options.directory, 'letters')
  }

  /** Whoever was asked has ended, or could not do it. */
  askAgain() {
    this.#isAsked = false
  }

  #tell(what) {
    fs.writeFileSync(`${this.file}.${what}`, '')
  }

  /** Asks for what is open; somebody may die while it is taken, or, where nothing was, when something is. */
  retry(child, which, where) {
    child.stdin.write(`${JSON.stringify({ letters: 'open' })}\n`)
    if (where >= 0.4) this.#toDie.push({ kind: where < 0.8 ? 'kill-host' : 'kill-supervisor', which, where })
  }

  /** Whose turn it is, where orders were written since the last call. */
  nextToDie() {
    const file = path.join(this.#options.data, 'dead-letters.orders.json')
    const before = this.#ordersBytes
    this.#ordersBytes = fs.existsSync(file) ? fs.statSync(file).size : 0
    return this.#ordersBytes > before ? this.#toDie.shift() : undefined
  }

  /** Once all harm is done, what is left is mended and retried; then the input goes on. */
  onProgress(done, child) {
    if (this.#isAsked || done < HELD_FROM) return
    this.#isAsked = true
    this.#tell('mended')
    child.stdin.write(`${JSON.stringify({ letters: 'all' })}\n`)
  }

  onSettled() {
    this.#tell('released')
  }

  /** With the command, while nothing runs. @returns how many letters there were */
  retryWhileDown() {
    const { dist, data } = this.#options
    const args = [path.join(dist, 'cli/main.js'), 'dead-letters', 'retry', data, '--kind', 'threw', '--json']
    const { status, stdout } = spawnSync(process.execPath, args, { encoding: 'utf8' })
    return status === 0 ? JSON.parse(stdout).retried.length : 0
  }

  /** What is wrong with the letters. Of each row there is one that is open or dropped, or it is in the result. */
  async check(result) {
    const letters = await this.#read()
    const taken = new Set(result['taken.csv'].map((line) => Number(idOf(line))))
    return [...new Set(letters.map(({ row }) => row.id))].flatMap((id) => {
      const of = letters.filter(({ row }) => row.id === id)
      const left = of.filter(isLeft).length
      if (left === (taken.has(id) ? 0 : 1)) return []
      const states = of.map(({ number, order }) => `${number} ${order ?? 'open'}`).join(', ')
      return [`row ${id} is ${taken.has(id) ? '' : 'not '}in the result, its dead letters: ${states}`]
    })
  }

  /** What the result must be: that of a run in which every row was fine, but for those that are still letters. */
  async expected(fine) {
    const left = new Set((await this.#read()).filter(isLeft).map(({ row }) => String(row.id)))
    const lines = fine['taken.csv'].filter((line) => !left.has(idOf(line)))
    return { 'taken.csv': lines, 'totals.csv': totalsOf(lines) }
  }

  #read() {
    return readLetters(this.#options.dist, this.#options.data)
  }
}

const isLeft = ({ order }) => order !== 'retry'
const idOf = (line) => line.split(',')[0]

/** The lines of the totals by user that follow from the rows. */
function totalsOf(lines) {
  const totals = new Map()
  for (const line of lines) {
    const [id, user, amount] = line.split(',')
    if (id === '' || id === 'id') continue
    const { rows, sum } = totals.get(user) ?? { rows: 0, sum: 0 }
    totals.set(user, { rows: rows + 1, sum: sum + Number(amount) })
  }
  return ['', 'user,rows,amount', ...[...totals].map(([user, { rows, sum }]) => `${user},${rows},${sum}`)].sort()
}
