/** `umbel dead-letters retry` and `drop` as a user meets them. */
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { appears, project, startUmbel, umbel } from './support.ts'

/** Rows 5 and 6 end in the source's filter, 7 to 9 in the filter behind the actor; the last row waits for `hold` to go. */
const JOB = `
import fs from 'node:fs'
import { csvFile, eventTime, generator, int, schema, source, topology } from 'umbel'
const Row = schema({ at: eventTime(), n: int() })
const rows = generator({ rows: 200, row: (n) => ({ at: n * 1000, n }) })
const held = { ...rows, async open(...given) {
  const reader = await rows.open(...given)
  const { HOLD = '' } = process.env
  return {
    read: async (rowsMax) => {
      if (reader.progress() < 0.99 || HOLD === '') return reader.read(Math.min(rowsMax, 20))
      fs.appendFileSync(HOLD, '')
      return 'wait'
    },
    position: () => reader.position(), progress: () => reader.progress(), close: () => reader.close(),
  }
} }
const refuse = (n, from, to) => {
  if (n >= from && n <= to) throw new Error('no ' + n)
  return true
}
export default topology('few', { onError: 'dead-letter' }, source('rows', Row, held)
  .filter(({ n }) => refuse(n, 5, 6))
  .keyBy('n')
  .actor('same', { output: Row, order: 'arrival', onRow(row, context) { context.emit({ at: row.at, n: row.n }) } })
  .filter(({ n }) => refuse(n, 7, 9))
  .to(csvFile('rows.csv')))
`
const DATA = '.umbel/few'
const later = (n: number) => JSON.stringify({ at: '2026-01-01T00:00:00Z', n })

t.test('retry and drop, beside a run and while it is down', async (t) => {
  const directory = project(t, { 'few.ts': JOB })
  const at = (name: string) => path.join(directory, name)
  const letters = async (...args: string[]) => {
    const { code, stdout, stderr } = await umbel(directory, ['dead-letters', ...args])
    return { code, said: stdout + stderr }
  }
  /** By number, state and what was refused. */
  const listed = async () => {
    const { letters: all } = JSON.parse((await letters('list', DATA, '--json')).said)
    return (all as { number: number; state: string; row: string }[]).map(({ number, state, row }) => {
      return { number, state, n: JSON.parse(row).n as number }
    })
  }
  const small = ['run', 'few.ts', '--shards', '2', '--workers', '1', '--limit', 'epochRowsMax=20']
  const held = startUmbel(directory, small, { env: { HOLD: at('hold') } })
  await appears(at('hold'))
  while ((await listed()).length < 5);
  const first = await listed()
  t.strictSame(
    first.map(({ n, state }) => `${n} ${state}`).sort(),
    [5, 6, 7, 8, 9].map((n) => `${n} open`),
  )
  const numberOf = (n: number) => String(first.find((one) => one.n === n)!.number)

  t.match(await letters('retry', DATA), { code: 1, said: /say which ones: their numbers, or --kind/ })
  t.match(await letters('retry', DATA, '77'), {
    code: 1,
    said: /there is no dead letter 77 in \.umbel\/few: there are 5/,
  })
  t.match(await letters('retry', DATA, '--all', '--row', '{}'), {
    code: 1,
    said: /--row is for one dead letter, and these are 5/,
  })
  t.match(await letters('retry', DATA, numberOf(5), '--row', '{bad'), {
    code: 1,
    said: /the row to retry with is no JSON object .*: nothing was retried/,
  })
  t.match(await letters('list', DATA, '--kind', 'nope'), {
    code: 1,
    said: /no kind 'nope' of dead letters: they are bad, /,
  })
  t.match(await letters('drop', DATA, '--source', 'nope'), {
    code: 1,
    said: /no dead letter is from 'nope': they are from /,
  })
  t.match(await letters('retry', DATA, numberOf(5), '--row', later(1005)), {
    code: 0,
    said: /^One dead letter retried; what is turned away again comes as a new one: umbel dead-letters list \S+ --open\n$/,
  })
  t.match(await letters('retry', DATA, numberOf(5)), { code: 1, said: /was retried before/ })
  t.match(await letters('drop', DATA, numberOf(6)), { code: 0, said: 'One dead letter dropped.\n' })
  t.match(await letters('retry', DATA, numberOf(6)), { code: 1, said: /was dropped before/ })
  // No function has changed: it is turned away again.
  t.match(await letters('retry', DATA, numberOf(7)), { code: 0 })
  t.match(await letters('retry', DATA, numberOf(8), '--row', '{"n":"eight"}'), { code: 0 })
  while ((await listed()).length < 7);
  t.match(await letters('show', DATA, '7'), { said: /state {4}open\nkind {5}bad\n[\s\S]*reason.*eight/ })
  held.child.kill('SIGINT')
  t.equal((await held.ended).code, 130)

  const file = at(`${DATA}/dead-letters.jsonl.partial`)
  const committed = fs.readFileSync(file, 'utf8')
  fs.writeFileSync(file, `${committed}{"beyond":"the marker"}\n`)
  t.equal((await listed()).length, 7)
  fs.writeFileSync(file, committed.replace('"at"', '!at"'))
  t.match(await letters('list', DATA), {
    code: 1,
    said: /^error line 1 of the dead letters in \.umbel\/few is damaged: /,
  })
  fs.writeFileSync(file, committed)

  t.match(await letters('retry', DATA, numberOf(9), '--row', later(1009)), {
    code: 0,
    said: 'One dead letter will be retried by the next start.\n',
  })
  t.equal((await umbel(directory, small)).code, 0)
  const wanted = Array.from({ length: 200 }, (_, n) => n).filter((n) => n < 5 || n > 9)
  const numbers = fs.readFileSync(at('out/few/rows.csv'), 'utf8').trimEnd().split('\n').slice(1)
  t.strictSame(
    numbers.map((line) => Number(line.split(',')[1])).sort((a, b) => a - b),
    [...wanted, 1005, 1009],
  )
  t.match(await letters('retry', DATA, '6'), { code: 1, said: /has finished and takes no row any more/ })
  t.match(await letters('drop', DATA, '--all', '--json'), { code: 0, said: /"dropped":\[6,7\]/ })
  t.match(await letters('list', DATA, '--open'), { said: 'There are none.\n' })
})
