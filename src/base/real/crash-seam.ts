/**
 * The real seam with crash points that can stop the process, for tests of recovery. `UMBEL_CRASH_AT` is a file and points,
 * `file@point:shard:epoch,...`, with `*` for any shard and epochs from the given one on. The points come to pass one
 * after the other, each once, over all lives: the file has a line for each that has. The process is killed, or, with
 * `:exit` behind the epoch, the worker alone ends. `UMBEL_CLOCK_ERROR` is a file with milliseconds by which the wall clock
 * is wrong.
 */
import fs from 'node:fs'
import type { Clock, Seam } from '../seam.ts'
import { nodeSeam } from './node-seam.ts'

export function crashingSeam(at: string | undefined, clockError: string | undefined): Seam {
  const seam = clockError === undefined ? nodeSeam : { ...nodeSeam, clock: wrongClock(clockError) }
  if (at === undefined || at === '') return seam
  const cut = at.lastIndexOf('@')
  const file = at.slice(0, cut)
  const points = at.slice(cut + 1).split(',')
  return {
    ...seam,
    crashPoint(name, inShard, inEpoch) {
      const passed = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trimEnd().split('\n').length : 0
      if (passed === points.length) return
      const [point, shard, epoch, how] = points[passed]!.split(':')
      if (name !== point || (shard !== '*' && shard !== inShard) || inEpoch < Number(epoch)) return
      fs.appendFileSync(file, `${name} ${inShard} ${inEpoch}\n`)
      if (how === 'exit') process.exit(1)
      process.kill(process.pid, 'SIGKILL')
    },
  }
}

function wrongClock(file: string): Clock {
  const error = () => (fs.existsSync(file) ? Number(fs.readFileSync(file, 'utf8')) : 0)
  return { now: () => nodeSeam.clock.now() + error(), monotonic: () => nodeSeam.clock.monotonic() }
}
