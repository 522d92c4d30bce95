/** Seeds cut into as many slices as processes run at a time, each by itself; their counts come together. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** The last lines of a slice: `12 faults, 3 starts`, `500 seeds, 0 violations`. */
const COUNTS = /^(\d+) ([a-z]+), (\d+) ([a-z]+)$/
/** Counts of what should not be. */
const FINDINGS = ['violations', 'differences']

/**
 * @param main the script; @param args of it, those of the slice aside
 * @param slice arguments of so many seeds from one on
 * @param isFirst ends all with the first finding
 * @returns counts by name, and whether a process failed in another way than by findings
 */
export async function runInParallel({ main, args, slice, first, count, jobs, isFirst }) {
  const counts = {}
  const children = Array.from({ length: jobs }, (_, job) => {
    const [from, to] = [job, job + 1].map((one) => first + Math.floor((count * one) / jobs))
    const own = [...slice(from, to - from), '--jobs', '1']
    return spawn(process.execPath, [main, ...args, ...own], { stdio: ['ignore', 'pipe', 'inherit'] })
  })
  let hasFailed = false
  await Promise.all(
    children.map(async (child) => {
      const ended = once(child, 'exit')
      let found = 0
      for await (const line of createInterface({ input: child.stdout })) {
        const [, one, oneName, other, otherName] = COUNTS.exec(line) ?? []
        if (one === undefined) {
          console.log(line)
          continue
        }
        counts[oneName] = (counts[oneName] ?? 0) + Number(one)
        counts[otherName] = (counts[otherName] ?? 0) + Number(other)
        if (FINDINGS.includes(otherName)) found = Number(other)
      }
      const [code, signal] = await ended
      if (found > 0 && isFirst) for (const other of children) if (other !== child) other.kill()
      if (found > 0 || code === 0 || signal === 'SIGTERM') return
      console.log(`a process ended with ${signal ?? `code ${code}`} before it was through`)
      hasFailed = true
    }),
  )
  return { counts, hasFailed }
}
