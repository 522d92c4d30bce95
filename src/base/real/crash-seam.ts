/**
 * The real seam with crash points that can stop the process, for tests of recovery. `UMBEL_CRASH_AT` is
 * `point:shard:epoch`, with `*` for any shard or epoch, and a file that makes it happen once: `...@/path/of/mark`.
 */
import fs from 'node:fs'
import type { Seam } from '../seam.ts'
import { nodeSeam } from './node-seam.ts'

export function crashingSeam(at: string | undefined): Seam {
  if (at === undefined || at === '') return nodeSeam
  const [where, mark] = at.split('@') as [string, string | undefined]
  const [point, shard, epoch] = where.split(':')
  return {
    ...nodeSeam,
    crashPoint(name, inShard, inEpoch) {
      if (name !== point || (shard !== '*' && shard !== inShard) || (epoch !== '*' && inEpoch < Number(epoch))) return
      if (mark !== undefined) {
        if (fs.existsSync(mark)) return
        fs.writeFileSync(mark, `${name} ${inShard} ${inEpoch}\n`)
      }
      process.kill(process.pid, 'SIGKILL')
    },
  }
}
