/**
 * One start of a job, as a process that can be killed: a supervisor with its hosts. Says how it goes on stdout, one JSON
 * object a line; takes orders to rescale and to retry dead letters on stdin, likewise.
 */
import path from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { actOnLetters } from './letters.mjs'

const { dist, job, directory, options } = JSON.parse(process.argv[2])
const { start } = await import(pathToFileURL(path.resolve(dist, 'index.js')).href)

let timer

/** Gives one of the stages another number of shards, if there is one that can have it. */
async function rescale(running, { which, shards }) {
  const names = running.plan.stages.filter(({ kind }) => kind === 'operators').map(({ name }) => name)
  if (names.length === 0) return
  const name = names[Math.floor(which * names.length)]
  try {
    await running.rescale(name, shards)
    say({ rescaled: name, shards })
  } catch (error) {
    // It has so many already, or the run ended meanwhile: then its next start has the order.
    say({ refused: error.message })
  }
}

const data = `${directory}/state/letters`

/** Retries what is open, in the end until nothing is. */
async function retry(running, { letters }) {
  try {
    if (letters === 'open') {
      const retried = await actOnLetters(running, dist, data, false)
      return retried > 0 && say({ retried })
    }
    while ((await actOnLetters(running, dist, data, true)) > 0);
    say({ isSettled: true })
  } catch (error) {
    // The run ended meanwhile, or somebody else has asked for the same.
    say({ refused: error.message })
  }
}

const say = (message) => process.stdout.write(`${JSON.stringify(message)}\n`)
try {
  const running = await start(job, { dir: `${directory}/state`, out: `${directory}/out`, ...options })
  const orders = createInterface({ input: process.stdin }).on('line', (line) => {
    const order = JSON.parse(line)
    return order.letters === undefined ? rescale(running, order) : retry(running, order)
  })
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
  const outcome = await running.ended.finally(() => orders.close())
  say({ outcome, deaths: running.deaths() })
} catch (error) {
  say({ failure: { kind: error.kind ?? 'unknown', code: error.code, message: error.message } })
  process.exitCode = 1
} finally {
  clearInterval(timer)
}
