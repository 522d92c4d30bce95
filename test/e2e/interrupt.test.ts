/**
 * Runs that are stopped on the way, gently and not: the same command goes on, and ends with the lines of a run that
 * nobody stopped. The source stands still when it is a third through, until the test has done what it does.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { appears, CLICKS, type Ended, project, type Started, sortedLines, startUmbel, umbel } from './support.ts'

const files = { 'clicks.ts': CLICKS }
const RUN = ['run', 'clicks.ts', '--shards', '2', '--workers', '1']
const linesOf = (directory: string): string[] => sortedLines(path.join(directory, 'out/clicks/clicks.csv'))

/** Its function opens a pipe into which nobody writes: that is in the thread pool, and a thread that is to end waits for it. */
const STUCK = `
import fs from 'node:fs'
import { csvFile, eventTime, generator, int, schema, source, topology } from 'umbel'
const Row = schema({ at: eventTime(), n: int() })
const rows = source('rows', Row, generator({ rows: 1_000_000, rowsPerSecond: 1000, row: (n) => ({ at: n, n }) }))
export default topology('stuck', rows.filter((row) => {
  if (row.n === 10) {
    fs.open('nobody-writes', 'r', () => {})
    fs.writeFileSync('stuck', '')
  }
  return true
}).to(csvFile('o.csv')))
`

const unharmed = (async () => {
  const directory = project(t, files)
  const { code, stdout } = await umbel(directory, [...RUN, '--json'])
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { outcome: 'finished', continued: false, rows: 45_000, rejected: 0, restarts: 0 })
  return linesOf(directory)
})()

interface Held extends Started {
  /** Lets the rest of the rows come. */
  go(): void
}

/** A run that is a third through. */
async function underWay(directory: string, options: { detached?: boolean; args?: string[] } = {}): Promise<Held> {
  const { detached = false, args = [] } = options
  const hold = path.join(directory, 'hold')
  const run = startUmbel(directory, [...RUN, ...args], { detached, env: { HOLD: hold } })
  await Promise.race([appears(hold), run.ended])
  return { ...run, go: () => fs.writeFileSync(hold, 'go') }
}

/** Runs the same again, to the end. */
async function goOn(t: Test, directory: string): Promise<Ended> {
  const again = await umbel(directory, RUN)
  t.equal(again.code, 0, 'goes on to the end')
  t.match(again.stderr, /going on with an interrupted run/)
  t.match(again.stdout, /clicks finished: 45,000 rows in all/)
  t.same(linesOf(directory), await unharmed, 'the lines are those of a run that nobody stopped')
  return again
}

for (const [name, signal, detached] of [
  ['Ctrl-C, which reaches hosts too', 'SIGINT', true],
  ['SIGINT to the supervisor alone', 'SIGINT', false],
  ['SIGTERM', 'SIGTERM', false],
] as const) {
  t.test(`${name} stops at an epoch and keeps the state`, async (t) => {
    const directory = project(t, files)
    const { child, ended } = await underWay(directory, { detached })
    process.kill(detached ? -child.pid! : child.pid!, signal)
    const { code, stdout, stderr } = await ended
    t.equal(code, 130, 'as shells have it')
    t.match(stderr, /stopping at the next epoch; the same command goes on from there/)
    t.match(stdout, /clicks drained: .*\n\nInterrupted: run the same command again, it goes on where it was\./)
    t.notOk(fs.existsSync(path.join(directory, 'out/clicks/clicks.csv')), 'a file without an end gets no name')
    await goOn(t, directory)
  })
}

t.test(
  'an interrupted run says so in JSON; what does not fit its state is refused; later it starts afresh',
  async (t) => {
    const directory = project(t, files)
    const { child, ended } = await underWay(directory, { args: ['--json'] })
    child.kill('SIGINT')
    const { code, stdout, stderr } = await ended
    t.equal(code, 130)
    t.equal(stderr, '')
    const { outcome, rows } = JSON.parse(stdout)
    t.equal(outcome, 'drained')
    t.equal(rows, 15_000)

    const inspected = await umbel(directory, ['inspect', '.umbel/clicks', '--json'])
    t.match(JSON.parse(inspected.stdout), { job: { state: 'running' }, isRunning: false })
    const shown = await umbel(directory, ['inspect', '.umbel/clicks'])
    t.match(shown.stdout, /^clicks: stopped before its end, goes on with its next start, 2 shards a stage, definition/)
    const [changed, resized] = [
      await umbel(directory, RUN, { env: { WINDOW: '2s' } }),
      await umbel(directory, ['run', 'clicks.ts', '--shards', '3']),
    ]
    t.equal(changed.code, 1)
    t.match(changed.stderr, /unfinished run of another definition of topology 'clicks'; run with --fresh .* with --dir/)
    t.equal(resized.code, 1)
    t.match(resized.stderr, /unfinished run with 2 shards a stage, not 3; run with --shards 2, or with --fresh/)

    await goOn(t, directory)
    const afresh = JSON.parse((await umbel(directory, [...RUN, '--json'])).stdout)
    t.match(afresh, { outcome: 'finished', continued: false, rows: 45_000 }, 'what has finished is not gone on with')
    t.same(linesOf(directory), await unharmed)
  },
)

t.test('--fresh discards what is unfinished', async (t) => {
  const directory = project(t, files)
  const { child, ended } = await underWay(directory)
  child.kill('SIGINT')
  await ended
  const fresh = await umbel(directory, [...RUN, '--fresh', '--json'], { env: { WINDOW: '2s' } })
  t.match(JSON.parse(fresh.stdout), { outcome: 'finished', continued: false, rows: 45_000 })
})

t.test('kill -9 of the supervisor: its hosts end by themselves, the next run goes on', async (t) => {
  const directory = project(t, files)
  const { child, ended } = await underWay(directory)
  const lock = JSON.parse(fs.readFileSync(path.join(directory, '.umbel/clicks/supervisor.json'), 'utf8'))
  t.equal(lock.pid, child.pid)
  t.equal(lock.hosts.length, 1)
  child.kill('SIGKILL')
  // The hosts hold the other end of stderr: it closes when the last of them is gone.
  t.equal((await ended).signal, 'SIGKILL')
  for (const { pid } of lock.hosts) t.notOk(isAlive(pid), `host ${pid} is gone`)
  await goOn(t, directory)
})

t.test(
  'kill -9 of the supervisor: a host ends, though one of its threads is where nothing brings it back from',
  async (t) => {
    const directory = project(t, { 'stuck.ts': STUCK })
    execFileSync('mkfifo', [path.join(directory, 'nobody-writes')])
    const { child, ended } = startUmbel(directory, ['run', 'stuck.ts', '--shards', '1', '--workers', '1'])
    await appears(path.join(directory, 'stuck'))
    child.kill('SIGKILL')
    t.equal((await ended).signal, 'SIGKILL', 'its hosts have let go of stderr, too')
  },
)

t.test('a second supervisor is refused, the first goes on unharmed', async (t) => {
  const directory = project(t, files)
  const first = await underWay(directory)
  const second = await umbel(directory, RUN)
  const json = await umbel(directory, [...RUN, '--fresh', '--json'])
  t.equal(second.code, 1)
  t.ok(
    second.stderr.includes(`another supervisor (process ${first.child.pid}) runs in .umbel/clicks: stop it first, or`),
  )
  t.equal(json.code, 1)
  t.match(JSON.parse(json.stdout), { error: { kind: 'user', code: 'locked', message: /--dir/ } })
  const inspected = await umbel(directory, ['inspect', '.umbel/clicks'])
  t.equal(inspected.code, 0, 'it may be looked at while it runs')
  t.match(inspected.stdout, /^clicks: running, 2 shards a stage/)
  first.go()
  t.equal((await first.ended).code, 0)
  t.same(linesOf(directory), await unharmed)
})

/** A zombie has ended already. */
function isAlive(pid: number): boolean {
  try {
    return fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]![0] !== 'Z'
  } catch {
    return false
  }
}
