/**
 * Jobs whose state, windows and rows are far larger than the memory that the kernel lets them have. Nothing may be killed
 * for want of memory, and the result must be the right one. `MEMORY_SCALE` makes the state as many times as large.
 */
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { cli } from '../e2e/support.ts'
import { type Limited, runLimited } from './limited.ts'

const SCALE = Number(process.env.MEMORY_SCALE ?? 1)
const LIMIT_MB = 256
const MB = 1 << 20
/** Budgets of a shard: some 6 MB together; twelve of them share what their worker may hold outside its heap. */
const LIMITS = {
  epochBytesMax: MB,
  batchBytesMax: MB / 2,
  fetchBytesMax: MB,
  outboxBytesMax: MB,
  cacheBytesMax: MB / 2,
  writeSetBytesMax: 2 * MB,
  backlogBytesMax: 16 * MB,
  segmentBytes: 4 * MB,
}

function sizeOf(directory: string): number {
  return fs.readdirSync(directory, { withFileTypes: true }).reduce((sum, entry) => {
    const at = path.join(directory, entry.name)
    return sum + (entry.isDirectory() ? sizeOf(at) : fs.statSync(at).size)
  }, 0)
}

async function run(t: Test, job: string, items: number): Promise<{ out: string; state: number }> {
  const directory = t.testdir()
  const out = path.join(directory, 'out')
  const limits = Object.entries(LIMITS).flatMap(([name, value]) => ['--limit', `${name}=${value}`])
  const sizes = ['--shards', '2', '--workers', '1', '--heap-mb', '40', '--off-heap-mb', '96', '--no-spare-host']
  const args = [cli, 'run', path.join(import.meta.dirname, 'jobs', job), ...sizes, ...limits]
  const env: NodeJS.ProcessEnv = { ...process.env, ITEMS: `${items}` }
  delete env.NODE_OPTIONS
  const places = ['--dir', path.join(directory, 'state'), '--out', out, '--no-snapshots', '--json']
  const began = performance.now()
  const ended = await runLimited(LIMIT_MB, process.execPath, [...args, ...places], { cwd: directory, env })
  const state = sizeOf(path.join(directory, 'state'))
  t.comment(`${job}: ${sayOf(ended)}; state and logs ${state >> 20} MB; ${Math.round(performance.now() - began)} ms`)
  t.equal(ended.code, 0, ended.stderr + ended.stdout)
  t.equal(ended.killed ?? 0, 0, 'nothing was killed for want of memory')
  t.ok(ended.privatePeak < LIMIT_MB * MB, 'private memory stayed below the limit')
  t.match(JSON.parse(ended.stdout), { outcome: 'finished', restarts: 0 })
  return { out, state }
}

/** Characters of what the actor is given. */
const TEXT = 2000

const sayOf = ({ how, privatePeak, peak }: Limited): string =>
  `${how}, limit ${LIMIT_MB} MB, private at most ${privatePeak >> 20} MB, with files ${peak === null ? '?' : peak >> 20} MB`

/** Rows of a CSV file, by the names in its header. */
function csvOf(file: string): Record<string, string>[] {
  const [header, ...lines] = fs.readFileSync(file, 'utf8').trimEnd().split('\n')
  const names = header!.split(',')
  return lines.map((line) => Object.fromEntries(line.split(',').map((value, i) => [names[i]!, value])))
}

t.test('state, windows and held rows many times as large as all budgets', async (t) => {
  const items = 300_000 * SCALE
  process.env.ITEMS = `${items}`
  const { at, BUCKETS, bucket, DAY, isOrdered, userOf, USERS } = await import('./jobs/items.ts')
  const { out } = await run(t, 'state.ts', items)
  const windows = new Map<string, [groups: number, total: number]>()
  const rowsOf = new Array<number>(USERS).fill(0)
  for (let n = 0; n < items; n++) {
    const day = Math.floor(at(n) / DAY)
    for (const end of [day + 1, day + 2]) {
      const name = `${end} ${bucket(n)}`
      const [groups, total] = windows.get(name) ?? [0, 0]
      windows.set(name, [groups + 1, total + (n % 1000)])
    }
    if (isOrdered(n)) rowsOf[userOf(n)]!++
  }
  const found = csvOf(path.join(out, 'windows.csv'))
  t.equal(found.length, windows.size)
  t.equal(found.length, 3 * BUCKETS)
  const sums = new Map(found.map((row) => [`${dayOf(row.window_end!)} ${row.bucket}`, row]))
  for (const [name, [groups, total]] of windows) {
    const [end, of] = name.split(' ')
    // A window of groups ends a day behind theirs.
    t.match(sums.get(`${Number(end) + 1} ${of}`), { groups: `${groups}`, items: `${groups}`, total: `${total}` }, name)
  }
  const ordered = csvOf(path.join(out, 'ordered.csv'))
  t.equal(ordered.length, USERS)
  for (const { user, seen, rows, disordered, length } of ordered) {
    const count = rowsOf[Number(user!.slice(5))]!
    // What was seen so far is summed at each row.
    const all = (count * (count + 1)) / 2
    t.match(
      { seen, rows, disordered, length },
      { seen: `${count}`, rows: `${all}`, disordered: '0', length: `${all * TEXT}` },
      user,
    )
  }
})

const dayOf = (time: string): number => Date.parse(time) / 86_400_000

t.test('rows of 20 to 100 KB through a hop, windows, a join and sinks', async (t) => {
  const items = 500 * SCALE
  process.env.ITEMS = `${items}`
  const { NARROW, wideText } = await import('./jobs/items.ts')
  const { out } = await run(t, 'wide.ts', items)
  const kept = new Set<number>()
  eachLine(path.join(out, 'kept.jsonl'), (line) => {
    const { n, text } = JSON.parse(line) as { n: number; text: string }
    if (text !== wideText(n) || kept.has(n)) t.fail(`row ${n} is another`)
    kept.add(n)
  })
  t.equal(kept.size, items)
  const texts = new Set<number>()
  eachLine(path.join(out, 'texts.jsonl'), (line) => {
    const { text, rows } = JSON.parse(line) as { text: string; rows: number }
    const n = Number(text.slice(0, text.indexOf(':')))
    if (rows !== 1 || text !== wideText(n)) t.fail(`the window of row ${n} is another`)
    texts.add(n)
  })
  t.equal(texts.size, items)
  const joined = csvOf(path.join(out, 'joined.csv'))
  t.equal(joined.length, items * NARROW)
  for (const { n, length } of joined)
    if (Number(length) !== wideText(Math.floor(Number(n) / NARROW)).length) t.fail(`row ${n} found another version`)
})

/** The file may be larger than a string can be. */
function eachLine(file: string, take: (line: string) => void): void {
  const fd = fs.openSync(file, 'r')
  const piece = Buffer.alloc(1 << 20)
  let rest: Buffer = Buffer.alloc(0)
  for (let count = fs.readSync(fd, piece); count > 0; count = fs.readSync(fd, piece)) {
    const bytes = Buffer.concat([rest, piece.subarray(0, count)])
    let from = 0
    for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, from)) {
      take(bytes.toString('utf8', from, at))
      from = at + 1
    }
    rest = bytes.subarray(from)
  }
  fs.closeSync(fd)
}
