/**
 * The real seam with crash points that can stop the process, for tests of recovery. `UMBEL_CRASH_AT` is a file and points,
 * `file@point:shard:epoch,...`, with `*` for any shard and epochs from the given one on. The points come to pass one
 * after the other, each once, over all lives: the file has a line for each that has.
 */
import fs from 'node:fs'
import type { Seam } from '../seam.ts'
import { nodeSeam } from './node-seam.ts'

export function crashingSeam(at: string | undefined): Seam {
  if (at === undefined || at === '') return nodeSeam
  const cut = at.lastIndexOf('@')
  const file = at.slice(0, cut)
  const points = at.slice(cut + 1).split(',')
  return {
    ...nodeSeam,
    crashPoint(name, inShard, inEpoch) {
      const passed = fs.existsSync(file) ? fs.readFileSync(file, 'utf8').trimEnd().split('\n').length : 0
      if (passed === points.length) return
      const [point, shard, epoch] = points[passed]!.split(':')
      if (name !== point || (shard !== '*' && shard !== inShard) || inEpoch < Number(epoch)) return
      fs.appendFileSync(file, `${name} ${inShard} ${inEpoch}\n`)
      process.kill(process.pid, 'SIGKILL')
    },
  }
}
