/** A function is mended between two starts: the run goes on with its state, and rows that were turned away are retried. */
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { appears, CLICKS, type Ended, project, type SpawnOptions, sortedLines, startUmbel, umbel } from './support.ts'

/** Clicks in windows of an hour, which only end with the input; a function fails on some until it is mended. */
const clicks = (score: string): string =>
  CLICKS.replace("topology('clicks',", "topology('clicks', { onError: 'dead-letter' },")
    .replace(".keyBy('user')", `.assign('score', int(), (row) => ${score}).keyBy('user')`)
    // A row that is retried is older than what has come since.
    .replace('Click, held)', "Click, held, { lateness: '1h' })")
    .replace("n: sum('n')", "n: sum('score')")
    .replace("'1s'", "'1h'")
const BROKEN = clicks('{ if (row.n % 5000 === 7) throw new Error("no score"); return row.n }')
const MENDED = clicks('row.n * 2')
const RUN = ['run', 'clicks.ts', '--shards', '2', '--workers', '1', '--json']

/** Runs the first third, with what is broken, until it is ended. */
async function begun(t: Test, end: NodeJS.Signals, ...args: string[]): Promise<{ directory: string; ended: Ended }> {
  const directory = project(t, { 'clicks.ts': BROKEN })
  const hold = path.join(directory, 'hold')
  const options: SpawnOptions = { env: { HOLD: hold } }
  const { child, ended } = startUmbel(directory, [...RUN, ...args], options)
  await Promise.race([appears(hold), ended])
  child.kill(end)
  const over = await ended
  fs.writeFileSync(path.join(directory, 'clicks.ts'), MENDED)
  return { directory, ended: over }
}

/** Refused with these words. */
async function refused(t: Test, directory: string, words: RegExp, ...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await umbel(directory, [...RUN, ...args])
  t.equal(code, 1)
  t.match(stdout + stderr, words)
}

t.test('what was turned away is retried by the mended function, in the state of the run', async (t) => {
  const { directory, ended } = await begun(t, 'SIGINT')
  t.equal(ended.code, 130)
  await refused(t, directory, /unfinished run of another definition.*run with --changed-code to go on with it/s)
  await refused(t, directory, /unfinished run with 2 shards a stage, not 3/, '--changed-code', '--shards', '3')
  await refused(t, directory, /unfinished run of another definition/)
  const listed = await umbel(directory, ['dead-letters', 'list', '.umbel/clicks', '--json'])
  t.equal(JSON.parse(listed.stdout).letters.length, 3)
  const retried = await umbel(directory, ['dead-letters', 'retry', '.umbel/clicks', '--kind', 'threw'])
  t.equal(retried.code, 0, retried.stderr)
  const { stdout, stderr } = await umbel(directory, [...RUN, '--changed-code'])
  t.match(JSON.parse(stdout), { outcome: 'finished', continued: true, rows: 45_000 }, stderr)
  const sums = sortedLines(path.join(directory, 'out/clicks/clicks.csv'))
    .map((line) => line.split(','))
    .filter(([, , , count]) => Number(count) > 0)
  const total = (column: number) => sums.reduce((sum, line) => sum + Number(line[column]), 0)
  t.equal(total(3), 45_000, 'every click counts once')
  // Those of the first third count once, but for those that failed; the others twice, as the mended function has it.
  const all = (from: number, to: number) => ((from + to - 1) * (to - from)) / 2
  t.equal(total(4), all(0, 15_000) + (7 + 5007 + 10_007) + 2 * all(15_000, 45_000))
  const after = await umbel(directory, ['dead-letters', 'list', '.umbel/clicks', '--json'])
  t.ok(
    JSON.parse(after.stdout).letters.every(({ state }: { state: string }) => state === 'retried'),
    after.stdout,
  )
})

t.test('what cannot be read is shown beside the rest, and no other code goes on over it', async (t) => {
  const { directory } = await begun(t, 'SIGINT')
  const store = path.join(directory, '.umbel/clicks/state/by-user.1/data.mdb')
  const whole = fs.readFileSync(store)
  fs.writeFileSync(store, 'no environment')
  const shown = await umbel(directory, ['inspect', '.umbel/clicks'])
  t.equal(shown.code, 1)
  t.match(shown.stdout, /by-user\/0 +\d+[\s\S]*\nby-user\/1 cannot be read: .*by-user\.1/)
  await refused(t, directory, /by-user\.1/, '--changed-code')
  fs.writeFileSync(store, whole)
  t.equal((await umbel(directory, [...RUN, '--changed-code'])).code, 0)
})

t.test('more than functions must not change, and nothing may have to be made again', async (t) => {
  // Nothing is stored before the end.
  const { directory } = await begun(t, 'SIGKILL', '--limit', 'storeIntervalMs=3600000')
  await refused(t, directory, /ended before all was stored: start it once more with the former code/, '--changed-code')
  fs.writeFileSync(path.join(directory, 'clicks.ts'), MENDED.replace("'1h'", "'2h'"))
  await refused(t, directory, /more than functions of topology 'clicks' has changed/, '--changed-code')
  const code = fs.readFileSync(path.join(directory, '.umbel/clicks/job.json'), 'utf8')
  fs.writeFileSync(path.join(directory, 'clicks.ts'), BROKEN)
  t.equal((await umbel(directory, RUN)).code, 0, 'the former code goes on')
  t.match(JSON.parse(fs.readFileSync(path.join(directory, '.umbel/clicks/job.json'), 'utf8')), {
    definition: JSON.parse(code).definition,
  })
})

t.test(
  'a row that ends the run is no end: all that was marked is stored, and the mended function goes on',
  async (t) => {
    const failing = clicks('{ if (row.n === 20_000) throw new Error("no score"); return row.n }').replace(
      "{ onError: 'dead-letter' }, ",
      '',
    )
    const directory = project(t, { 'clicks.ts': failing })
    const args = ['--hosts', '2', '--limit', 'storeIntervalMs=3600000', '--limit', 'epochRowsMax=500']
    await refused(
      t,
      directory,
      /assign in stage 'clicks' threw: no score.*offset 20000.*go on with --changed-code/s,
      ...args,
    )
    fs.writeFileSync(path.join(directory, 'clicks.ts'), clicks('row.n * 2').replace("{ onError: 'dead-letter' }, ", ''))
    const { stdout, stderr } = await umbel(directory, [...RUN, ...args, '--changed-code'])
    t.match(JSON.parse(stdout), { outcome: 'finished', continued: true, rows: 45_000 }, stderr)
    const counts = sortedLines(path.join(directory, 'out/clicks/clicks.csv')).map((line) => Number(line.split(',')[3]))
    t.equal(
      counts.reduce((sum, count) => (count > 0 ? sum + count : sum), 0),
      45_000,
      'every click counts once',
    )
  },
)

t.test('a lost store that the former code would have to make again ends the run with that reason', async (t) => {
  const { directory } = await begun(t, 'SIGINT', '--no-snapshots')
  const state = path.join(directory, '.umbel/clicks/state')
  const store = fs.readdirSync(state).find((name) => name.startsWith('by-user') && !name.includes('opening'))!
  fs.rmSync(path.join(state, store), { recursive: true })
  await refused(t, directory, /made by other functions than those of now/, '--changed-code', '--no-snapshots')
})
