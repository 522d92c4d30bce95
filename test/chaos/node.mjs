/**
 * One start of a job, as a process that can be killed: a supervisor with its hosts. Says how it goes on stdout, one JSON
 * object a line.
 */
import path from 'node:path'
import { pathToFileURL } from 'node:url'

const { dist, job, directory, options } = JSON.parse(process.argv[2])
const { start } = await import(pathToFileURL(path.resolve(dist, 'index.js')).href)

let timer
const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)
try {
  const running = await start(job, { dir: `${directory}/state`, out: `${directory}/out`, ...options })
  let deaths = 0
  let diedAt = 0
  timer = setInterval(() => {
    const at = performance.now()
    const shards = running.status().map(({ shard, state, incarnation, epoch, progress }) => {
      return { shard, state, incarnation, epoch, progress }
    })
    if (running.deaths().length > deaths) diedAt = at
    deaths = running.deaths().length
    const died = running.deaths().at(-1)?.what.split(' ')[0]
    say({ at, pids: running.pids(), deaths, died, diedAt, shards })
  }, 10)
  const outcome = await running.ended
  say({ outcome, deaths: running.deaths() })
} catch (error) {
  say({ failure: { kind: error.kind ?? 'unknown', code: error.code, message: error.message } })
  process.exitCode = 1
} finally {
  clearInterval(timer)
}
