/** A host that stands by takes the place of one that dies, and is another's concern no more. */
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as after } from 'node:timers/promises'
import t from 'tap'
import { start } from '../../dist/index.js'

// tap's loaders are for this process: hosts run from dist.
delete process.env.NODE_OPTIONS
process.env.ROWS_PER_SECOND = '10000'
const module = path.join(import.meta.dirname, 'jobs/rescaled.ts')

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

t.test('a spare host takes over, another one comes, and none is left at the end', async (t) => {
  const directory = t.testdir({ hold: '' })
  process.env.HOLD = path.join(directory, 'hold')
  const running = await start(module, { dir: directory, out: path.join(directory, 'out'), shards: 2, workers: 2 })
  const lock = path.join(directory, 'rescaled/supervisor.json')
  /** The process that stands by: noted as a host, and none of those that run. */
  const spare = async (): Promise<number> => {
    for (;;) {
      const { hosts } = JSON.parse(fs.readFileSync(lock, 'utf8')) as { hosts: { pid: number }[] }
      const found = hosts.map(({ pid }) => pid).find((pid) => isAlive(pid) && !running.pids().includes(pid))
      if (found !== undefined && running.pids().length > 0) return found
      await after(20)
    }
  }
  const first = await spare()
  // One that dies before it is needed is nobody's loss.
  process.kill(first, 'SIGKILL')
  while (isAlive(first)) await after(5)
  process.kill(running.pids()[0]!, 'SIGKILL')
  const second = await spare()
  t.not(second, first)
  process.kill(running.pids()[0]!, 'SIGKILL')
  while (running.pids()[0] !== second) await after(5)
  t.same(
    running.deaths().map(({ what, reason }) => `${what} ${reason}`),
    ['host 0 signal SIGKILL', 'host 0 signal SIGKILL'],
  )
  const third = await spare()
  fs.rmSync(process.env.HOLD)
  t.equal(await running.ended, 'finished')
  t.notOk(isAlive(third))
})
