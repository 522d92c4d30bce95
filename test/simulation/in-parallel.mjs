/** Seeds cut into as many slices as processes run at a time, each by itself; their counts come together. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

const COUNTS = /^(\d+) (faults|seeds), (\d+) (starts|violations)$/

/**
 * @param args of `main.mjs`, those of the slice aside
 * @param isFirst ends all with the first violation
 * @returns counts by name, and whether a process failed in another way than by violations
 */
export async function runInParallel(args, first, count, jobs, isFirst) {
  const counts = { faults: 0, starts: 0, seeds: 0, violations: 0 }
  const children = Array.from({ length: jobs }, (_, job) => {
    const [from, to] = [job, job + 1].map((one) => first + Math.floor((count * one) / jobs))
    const slice = ['--from', `${from}`, '--seeds', `${to - from}`, '--jobs', '1']
    const main = path.join(import.meta.dirname, 'main.mjs')
    return spawn(process.execPath, [main, ...args, ...slice], { stdio: ['ignore', 'pipe', 'inherit'] })
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
        counts[oneName] += Number(one)
        counts[otherName] += Number(other)
        if (otherName === 'violations') found = Number(other)
      }
      const [code, signal] = await ended
      if (found > 0 && isFirst) for (const other of children) if (other !== child) other.kill()
      if (found > 0 || code === 0 || signal === 'SIGTERM') return
      console.log(`a process of seeds ended with ${signal ?? `code ${code}`} before it was through`)
      hasFailed = true
    }),
  )
  return { counts, hasFailed }
}
