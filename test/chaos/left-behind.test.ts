/**
 * What somebody leaves behind: hosts that stand still, hosts of a supervisor that was killed, a drain that was cut short, a
 * store that is gone. The outcome is that of an unharmed run.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { start } from '../../dist/index.js'
import { JOBS, limits, progressed, resultOf, runJob, snapshots } from './support.ts'

t.test('a host that is stopped is killed, and replaced when it is certainly dead', async (t) => {
  const directory = t.testdir()
  const unharmed = await runJob('flights', path.join(directory, 'unharmed'))
  const harmed = await runJob('flights', path.join(directory, 'harmed'), {
    killAt: [0.4],
    signal: 'SIGSTOP',
    options: { heartbeatMs: 1000 },
  })
  t.match(harmed.running.deaths(), [{ what: 'host 0', reason: 'no sign of life for 1000 ms' }])
  t.same(harmed.result, unharmed.result)
})

t.test('a host that is killed while it drains is not started again; the next start goes on', async (t) => {
  const directory = t.testdir()
  const unharmed = await runJob('flights', path.join(directory, 'unharmed'))
  const options = { dir: `${directory}/state`, out: `${directory}/out`, shards: 2, workers: 2, limits, snapshots }
  const first = await start(JOBS.flights, options)
  await progressed(first, 0.3)
  const pids = first.pids()
  // Stopped, it cannot drain; SIGKILL ends a stopped process too.
  for (const pid of pids) process.kill(pid, 'SIGSTOP')
  const stopping = first.stop()
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  await stopping
  t.equal(await first.ended, 'drained')
  t.same(first.pids(), [])
  const second = await start(JOBS.flights, options)
  t.ok(second.isContinued)
  t.equal(await second.ended, 'finished')
  t.same(resultOf(`${directory}/out`), unharmed.result)
})

t.test('shards over three hosts, killed in turn', async (t) => {
  const directory = t.testdir()
  const options = { hosts: 3, workers: 1 }
  const unharmed = await runJob('keyed-window', path.join(directory, 'unharmed'))
  const spread = await runJob('keyed-window', path.join(directory, 'spread'), { options })
  t.same(spread.result, unharmed.result, 'the number of hosts changes nothing')
  const harmed = await runJob('keyed-window', path.join(directory, 'harmed'), { options, killAt: [0.2, 0.4, 0.6] })
  t.ok(harmed.deaths > 0)
  t.same(harmed.result, unharmed.result)
})

const cli = path.resolve(import.meta.dirname, '../../dist/cli/main.js')

/** Runs the command; `onLine` sees each line of progress. */
function command(directory: string, onLine: (line: string, child: ChildProcess) => void): Promise<number | null> {
  const args = [
    cli,
    'run',
    path.join(JOBS.flights.pathname),
    '--dir',
    `${directory}/state`,
    '--out',
    `${directory}/out`,
    '--shards',
    '2',
  ]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  child.stderr.on('data', (chunk) => onLine(String(chunk), child))
  return new Promise((resolve) => child.on('exit', (code) => resolve(code)))
}

t.test('a supervisor killed while its hosts are stopped', async (t) => {
  const directory = t.testdir()
  const unharmed = await runJob('flights', path.join(directory, 'unharmed'))
  const lock = `${directory}/state/flights/supervisor.json`
  let stopped: number[] = []
  await command(directory, () => {})
  t.same(resultOf(`${directory}/out`), unharmed.result, 'the command alone gives the same')
  fs.rmSync(`${directory}/out`, { recursive: true })
  // Stop the hosts as soon as they are known, then kill the supervisor: nobody can tell them to leave.
  const killed = command(directory, () => {})
  const watching = (async () => {
    for (;;) {
      const hosts = fs.existsSync(lock) ? (readLock(lock)?.hosts ?? []) : []
      if (hosts.length > 0 && fs.existsSync(`${directory}/state/flights/log/flights.0`)) {
        stopped = hosts.map((host) => host.pid)
        for (const pid of stopped) process.kill(pid, 'SIGSTOP')
        process.kill(readLock(lock)!.pid, 'SIGKILL')
        return
      }
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  await Promise.all([killed, watching])
  t.ok(stopped.length > 0)
  t.equal(await command(directory, () => {}), 0)
  t.same(resultOf(`${directory}/out`), unharmed.result)
  for (const pid of stopped) t.throws(() => process.kill(pid, 0), 'the stopped host was killed by the successor')
})

function readLock(file: string): { pid: number; hosts: { pid: number }[] } | null {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  } catch {
    return null
  }
}

t.test('a store deleted in the middle of a run', async (t) => {
  const directory = t.testdir()
  const unharmed = await runJob('flights', path.join(directory, 'unharmed'))
  const options = { dir: `${directory}/state`, out: `${directory}/out`, shards: 2, workers: 2 }
  const first = await start(JOBS.flights, options)
  await progressed(first, 0.5)
  await first.stop()
  const states = fs.readdirSync(`${directory}/state/flights/state`)
  t.ok(states.includes('by-origin.0'))
  fs.rmSync(`${directory}/state/flights/state/by-origin.0`, { recursive: true })
  fs.writeFileSync(`${directory}/state/flights/state/by-origin.1/data.mdb`, 'not an environment')
  const second = await start(JOBS.flights, options)
  t.ok(second.isContinued)
  await second.ended
  t.same(resultOf(`${directory}/out`), unharmed.result)
})
