/**
 * Functions of the user that keep what they are given: arrays, which fill the heap, or buffers, which the heap's limit does
 * not count. Only their worker may end of it, and what comes out is right once the leak has stopped.
 */
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { project, startProcess, umbel } from './support.ts'

/** The first `LIVES` lives of the worker leak, from their first row on, until they end of it. */
const LEAKS = `
import fs from 'node:fs'
import { csvFile, eventTime, generator, int, schema, source, topology } from 'umbel'
const Row = schema({ at: eventTime(), n: int() })
const rows = generator({ rows: 20_000, row: (n) => ({ at: n, n }) })
const kept = []
let isLeaky
function claim() {
  const lives = fs.existsSync('lives') ? fs.statSync('lives').size : 0
  if (lives >= Number(process.env.LIVES)) return false
  fs.appendFileSync('lives', '.')
  return true
}
const keep = {
  heap: () => new Array(8000).fill(performance.now()),
  buffers: () => Buffer.alloc(64_000, 1),
  arrays: () => new Float64Array(8000).fill(1),
}[process.env.LEAK]
const leaky = source('leaky', Row, rows).filter(() => {
  isLeaky ??= claim()
  if (isLeaky) kept.push(keep())
  return true
})
const calm = source('calm', Row, rows).filter(() => true)
export default topology('leaks', leaky.to(csvFile('leaky.csv')), calm.to(csvFile('calm.csv')))
`

const START = `
import { start } from 'umbel'
const sizes = { shards: 1, workers: 4, heapMb: 128, offHeapMb: 128 }
const running = await start(new URL('./leaks.ts', import.meta.url), { dir: 'state', out: 'out', ...sizes })
await running.ended
const lives = Object.fromEntries(running.status().map(({ shard, incarnation }) => [shard, incarnation]))
console.log(JSON.stringify({ deaths: running.deaths(), lives }))
`

async function leak(t: Test, kind: string) {
  const directory = project(t, { 'leaks.ts': LEAKS, 'start.mjs': START, 'package.json': '{"type":"module"}' })
  const env = { LEAK: kind, LIVES: '2' }
  const { code, stdout, stderr } = await startProcess(process.execPath, ['start.mjs'], directory, { env }).ended
  t.equal(code, 0, stderr)
  const { deaths, lives } = JSON.parse(stdout) as {
    deaths: { what: string; reason: string }[]
    lives: Record<string, number>
  }
  for (const name of ['leaky.csv', 'calm.csv']) {
    const lines = fs
      .readFileSync(path.join(directory, 'out', name), 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
    t.same(
      lines.map((line) => Number(line.split(',')[1])).sort((a, b) => a - b),
      Array.from({ length: 20_000 }, (_, n) => n),
      name,
    )
  }
  // More, where no epoch lay between the deaths: then trials looked for a row that kills, and each is a life too.
  t.ok(lives['leaky/0']! >= 3, `${lives['leaky/0']} lives`)
  t.equal(lives['calm/0'], 1, 'the other workers went on')
  t.equal(deaths.length, 2)
  for (const { what } of deaths) t.match(what, /^worker \d of host 0$/)
  return deaths.map(({ reason }) => reason)
}

t.test('a function that fills the heap ends its worker alone, and is named', async (t) => {
  for (const reason of await leak(t, 'heap')) t.match(reason, /memory limit.*filter in stage 'leaky'.* of leaky\/0/s)
})

for (const kind of ['buffers', 'arrays']) {
  t.test(`a function that keeps ${kind} ends its worker alone, with the shards and the limit named`, async (t) => {
    for (const reason of await leak(t, kind))
      t.match(reason, /the worker of .*leaky\/0.* holds \d+ MB outside its heap, .* limit of 128 MB \(offHeapMb\)/)
  })
}

/** A megabyte a row, of which an epoch has many: no life comes to the end of one as it is. */
const STRONG = `
import { csvFile, eventTime, generator, int, schema, source, topology } from 'umbel'
const Row = schema({ at: eventTime(), n: int() })
const kept = []
export default topology('leaks', source('rows', Row, generator({ rows: 240, row: (n) => ({ at: n, n }) }))
  .keyBy('n')
  .actor('keeps', {
    output: Row,
    onRow({ at, n }, context) {
      kept.push(new Array(128_000).fill(performance.now()))
      context.emit({ at, n })
    },
  })
  .to(csvFile('rows.csv')))
`

t.test('a leak that no epoch lives through is told, and got through in small ones, with no row blamed', async (t) => {
  const directory = project(t, { 'leaks.ts': STRONG })
  const args = ['run', 'leaks.ts', '--shards', '1', '--workers', '2', '--heap-mb', '96', '--json']
  const { code, stdout, stderr } = await umbel(directory, args)
  t.equal(code, 0, stderr)
  const { outcome, rejected, notes } = JSON.parse(stdout)
  t.match({ outcome, rejected }, { outcome: 'finished', rejected: 0 })
  t.match(
    notes[0],
    /shard by-n\/0 died 2 times in epoch \d+: it stands still while trials look for the row that ends it/,
  )
  t.match(notes.join('\n'), /\d+ calls together end it \(.*memory limit.*\) and none of them alone/)
  const lines = fs.readFileSync(path.join(directory, 'out/leaks/rows.csv'), 'utf8').trimEnd().split('\n').slice(1)
  t.same(
    lines.map((line) => Number(line.split(',')[1])),
    Array.from({ length: 240 }, (_, n) => n),
  )
})
