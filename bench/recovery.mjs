/** How long until output flows again after `kill -9`? And what do shards that were not hit lose meanwhile? */
import path from 'node:path'
import { start } from 'umbel'
import { quantile } from './support/processes.mjs'

/** Until a spare host stands by. */
const SPARE_READY_MS = 13_000

/** From `kill -9` of the host to the next committed output row. */
export async function recovery(directory, kills, spareHost) {
  const module = new URL('./topologies/bids.mjs?rows=1000000000&batch=4096&rate=200000&window=100ms', import.meta.url)
  const running = await start(module, {
    dir: path.join(directory, 'recovery'),
    fresh: true,
    shards: 2,
    workers: 2,
    spareHost,
  })
  const pauseMs = spareHost ? SPARE_READY_MS : 0
  const taken = []
  let killedAt = 0
  let liveSince = performance.now()
  let seen = 0
  let lives = new Set()
  for await (const batch of running.outputBatches('counts')) {
    // What was said before the kill may still come.
    if (killedAt > 0 && !running.pids().some((pid) => lives.has(pid)) && running.pids().length > 0) {
      taken.push(performance.now() - killedAt)
      if (taken.length >= kills) break
      killedAt = 0
      seen = 0
      liveSince = performance.now()
    }
    if (killedAt === 0 && batch.length > 0 && ++seen >= 40 && performance.now() - liveSince > pauseMs) {
      killedAt = performance.now()
      lives = new Set(running.pids())
      for (const pid of lives) process.kill(pid, 'SIGKILL')
    }
  }
  for (const pid of running.pids()) process.kill(pid, 'SIGSTOP')
  await Promise.race([running.stop(), new Promise((resolve) => setTimeout(resolve, 0))])
  for (const pid of running.pids()) process.kill(pid, 'SIGCONT')
  await running.ended
  return {
    name: `recovery after kill -9, ${spareHost ? 'a' : 'no'} spare host`,
    rows: taken.length,
    'p50 ms': quantile(taken, 0.5),
    'p99 ms': quantile(taken, 0.99),
  }
}

/** Rows a second of all splits, a fraction of what two cores do. */
const OFFERED = 40_000
/** At which split of `bids` a row of this time is. */
const splitOf = (at) => {
  const event = at / 20
  return (event - 4 - 4 * Math.floor(event / 50)) % 2
}

/**
 * Two hosts, each with a split of its own that is read at a fixed rate. One is killed; the rows of the other, while the
 * first is away, beside those in a span as long just before.
 */
export async function bystanders(directory, kills) {
  const module = new URL(`./topologies/bids.mjs?rows=1000000000&batch=512&rate=${OFFERED}&window=none`, import.meta.url)
  const running = await start(module, {
    dir: path.join(directory, 'bystanders'),
    fresh: true,
    shards: 2,
    workers: 1,
    hosts: 2,
  })
  const seen = [[], []]
  const away = []
  const [before, meanwhile] = [[], []]
  let killed = null
  let liveSince = performance.now()
  for await (const batch of running.outputBatches('rows')) {
    if (batch.length === 0) continue
    const now = performance.now()
    const split = splitOf(batch.column('at').data[0])
    seen[split].push({ now, rows: batch.length })
    if (killed !== null && split === killed.split && !running.pids().includes(killed.pid)) {
      const span = now - killed.at
      const rows = (from) =>
        seen[1 - split].reduce((sum, one) => sum + (one.now > from && one.now <= from + span ? one.rows : 0), 0)
      away.push(span)
      before.push(rows(killed.at - span))
      meanwhile.push(rows(killed.at))
      if (away.length >= kills) break
      killed = null
      liveSince = now
    }
    if (killed === null && now - liveSince > 3000 && seen.every((rows) => rows.length > 0)) {
      // Hosts have the splits in their order.
      const host = away.length % 2
      killed = { split: host, pid: running.pids()[host], at: now }
      process.kill(killed.pid, 'SIGKILL')
    }
  }
  await running.stop()
  const sum = (numbers) => numbers.reduce((all, one) => all + one, 0)
  return {
    name: `shards not hit, ${OFFERED / 1000},000 rows/s offered`,
    rows: sum(meanwhile),
    'away ms': quantile(away, 0.5),
    'of the rows before': sum(meanwhile) / sum(before),
  }
}
