/** Functions of the user that throw, or that take all memory of their worker. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { project, umbel } from './support.ts'

const SMALL = ['--shards', '1', '--workers', '1']

const THROWS = `
import { array, csvFile, eventTime, int, schema, source, topology } from 'umbel'
const Row = schema({ at: eventTime(), n: int() })
const rows = source('rows', Row, array(Array.from({ length: 100 }, (_, at) => ({ at, n: at }))))
export default topology('throws', rows.assign('half', int(), (row) => {
  if (row.n === 70) throw new Error('no half of it')
  return 0
}).to(csvFile('o.csv')))
`

t.test('a function that throws is named with its stage', async (t) => {
  const directory = project(t, { 'throws.ts': THROWS })
  const [human, json] = await Promise.all([
    umbel(directory, ['run', 'throws.ts', ...SMALL, '--dir', 'a']),
    umbel(directory, ['run', 'throws.ts', ...SMALL, '--dir', 'b', '--json']),
  ])
  t.equal(human.code, 1)
  t.match(human.stderr, /error .*assign.* in stage 'rows' threw: no half of it/)
  t.match(human.stderr, /on the row of 1970-01-01T00:00:00\.000070Z \(split 0, offset 70\): \{.*"n":70\}/)
  t.match(human.stderr, /go on with --changed-code, or declare the topology with \{ onError: 'dead-letter' \}/)
  t.notMatch(human.stderr, 'starting it again')
  t.equal(json.code, 1)
  t.match(JSON.parse(json.stdout), { error: { code: 'user-code', message: /in stage 'rows'/ } })
})

/**
 * Each life of the worker gets on by some epochs and then takes all memory, the first `LIVES` of them. Lives of `LIFE_MS`
 * are long enough for the host to see that they get on: it then starts a dead worker again without delay.
 */
const LEAKS = `
import fs from 'node:fs'
import { csvFile, eventTime, generator, int, schema, source, topology } from 'umbel'
const Row = schema({ at: eventTime(), n: int() })
const all = generator({ rows: Number(process.env.ROWS), row: (n) => ({ at: n, n }) })
let since = 0
const slow = {
  ...all,
  async open(context, split, position) {
    const reader = await all.open(context, split, position)
    since = performance.now()
    return {
      read: (rowsMax) => reader.read(Math.min(rowsMax, 10)),
      position: () => reader.position(),
      progress: () => reader.progress(),
      close: () => reader.close(),
    }
  },
}
const lives = () => (fs.existsSync('lives') ? fs.statSync('lives').size : 0)
export default topology('leaks', source('rows', Row, slow).filter((row) => {
  const isDue = row.n >= 100 * (lives() + 1) && performance.now() - since >= Number(process.env.LIFE_MS)
  if (isDue && lives() < Number(process.env.LIVES)) {
    fs.appendFileSync('lives', '.')
    const leak = []
    for (;;) leak.push(new Array(10_000).fill(performance.now()))
  }
  return true
}).to(csvFile('o.csv')))
`

t.test('a worker that runs out of heap is started again', async (t) => {
  const directory = project(t, { 'leaks.ts': LEAKS })
  const args = ['run', 'leaks.ts', ...SMALL, '--heap-mb', '32', '--json']
  const { code, stdout } = await umbel(directory, args, { env: { LIVES: '2', ROWS: '4000', LIFE_MS: '0' } })
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { outcome: 'finished', restarts: 2, rows: 4000 })
  const lines = fs.readFileSync(path.join(directory, 'out/leaks/o.csv'), 'utf8').trimEnd().split('\n').slice(1)
  t.same(
    lines.map((line) => Number(line.split(',')[1])).sort((a, b) => a - b),
    Array.from({ length: 4000 }, (_, n) => n),
  )
})

t.test('one that always does is given up, with its reason and the remedy', async (t) => {
  const directory = project(t, { 'leaks.ts': LEAKS })
  const args = ['run', 'leaks.ts', ...SMALL, '--heap-mb', '32']
  const { code, stderr } = await umbel(directory, args, { env: { LIVES: '100', ROWS: '100000', LIFE_MS: '250' } })
  t.equal(code, 1)
  t.match(stderr, /worker 0 of host 0 died \(.*memory limit.*\), starting it again/)
  t.match(
    stderr,
    /error worker 0 of host 0 died 21 times in 5 minutes, at last of: .*memory limit.* and run again, it goes on from there/,
  )
  t.ok(fs.statSync(path.join(directory, 'lives')).size >= 21)
})
