/** Rows that end whoever takes them, in every way there is: found, left out, and told of; all others are there. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { project, umbel } from '../e2e/support.ts'

const JOB = `
import { csvFile, eventTime, generator, int, schema, source, topology } from 'umbel'
const Row = schema({ at: eventTime(), n: int(), key: int() })
const rows = source('rows', Row, generator({ rows: 3000, splits: 2, row: (n) => ({ at: n * 1000, n, key: n % 3 }) }))
const ways = {
  exit: () => process.exit(3),
  memory: () => { const leak = []; for (;;) leak.push(new Array(10_000).fill(performance.now())) },
  hang: () => { for (;;); },
  rejection: () => void Promise.reject(new Error('nobody waits for it')),
}
const [way, place, ...bad] = process.env.POISON.split(' ')
const act = (where, n) => { if (place === where && bad.includes(String(n))) ways[way]() }
export default topology('poison', rows
  .filter(({ n }) => { act('source', n); return true })
  .assign('key', int(), ({ n, key }) => { act('second', n); return key })
  .keyBy('key')
  .actor('taking', {
    output: Row,
    onRow(row, context) { act('actor', row.n); context.emit({ at: row.at, n: row.n, key: row.key }) },
  })
  .assign('key', int(), ({ key }) => key)
  .filter(({ n }) => { act('chain', n); return true })
  .to(csvFile('taken.csv')))
`

const limits = ['--shards', '2', '--workers', '2']

interface Case {
  readonly way: string
  readonly place: 'source' | 'second' | 'chain' | 'actor'
  readonly bad: readonly number[]
  readonly reason: RegExp
  readonly more?: readonly string[]
  readonly mayPass?: boolean
}

const CASES: Case[] = [
  { way: 'exit', place: 'source', bad: [70, 1234], reason: /exited with code: 3/ },
  // Behind another function, of which each row needs a call too.
  { way: 'exit', place: 'second', bad: [0, 1, 70], reason: /exited with code: 3/ },
  { way: 'exit', place: 'chain', bad: [3, 70, 73], reason: /exited with code: 3/ },
  { way: 'exit', place: 'actor', bad: [0, 70, 71, 2999], reason: /exited with code: 3/ },
  {
    way: 'memory',
    place: 'actor',
    bad: [1000],
    reason: /memory limit/,
    more: ['--heap-mb', '64', '--stall-ms', '20000'],
  },
  // Found by trials that read on, over both splits.
  { way: 'hang', place: 'source', bad: [2500, 2501], reason: /blocked for 1000 ms in filter in stage 'rows'/ },
  { way: 'hang', place: 'actor', bad: [500], reason: /blocked for 1000 ms in actor 'taking' in stage 'by-key'/ },
  // It ends the thread behind the epoch, which may be marked by then: the row has been taken, and does no more harm.
  { way: 'rejection', place: 'actor', bad: [777], reason: /nobody waits for it/, mayPass: true },
]

for (const { way, place, bad, reason, more = [], mayPass = false } of CASES) {
  t.test(`${way} in the ${place}`, async (t) => {
    const directory = project(t, { 'poison.ts': JOB })
    const args = ['run', 'poison.ts', ...limits, '--stall-ms', '1000', '--json', ...more]
    const { code, stdout, stderr } = await umbel(directory, args, { env: { POISON: [way, place, ...bad].join(' ') } })
    t.equal(code, 0, stderr)
    const result = JSON.parse(stdout)
    t.match(result, { outcome: 'finished' })
    t.ok(result.restarts > 0 || mayPass)
    const lines = fs.readFileSync(path.join(directory, 'out/poison/taken.csv'), 'utf8').trimEnd().split('\n').slice(1)
    const taken = lines.map((line) => Number(line.split(',')[1]))
    const listed = await umbel(directory, ['dead-letters', 'list', '.umbel/poison', '--json'])
    const { letters } = JSON.parse(listed.stdout) as { letters: { row: string }[] }
    t.equal(result.rejected, letters.length)
    const refused = letters.map(({ row }) => JSON.parse(row).n)
    const byNumber = (a: number, b: number) => a - b
    t.strictSame(
      [...taken, ...refused].sort(byNumber),
      Array.from({ length: 3000 }, (_, n) => n),
      'each row once, in the result or in the dead letters',
    )
    if (!mayPass) t.strictSame(refused.sort(byNumber), bad)
    for (const letter of letters)
      t.match(letter, { kind: 'killed', reason, source: place === 'source' || place === 'second' ? 'rows' : 'by-key' })
  })
}
