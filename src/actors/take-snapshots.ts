/** Snapshots of every store of a running job, for whoever wants them now. */
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import type { Engine, Started } from './engine.ts'
import type { ShardStatus } from './shard-actor.ts'

/** Statuses come several times a second. */
const LOOK_MS = 50

/** Resolves when every shard that has a store has taken one. See `Running.snapshot`. */
export async function takeSnapshots({ snapshots }: Started, engine: Engine, isOver: () => boolean): Promise<void> {
  if (snapshots === null) throw userError('snapshot', 'snapshots are off: start without snapshots: false')
  const isStarting = ({ state }: ShardStatus) => state === 'recovering'
  while (engine.status().length < engine.plan.shards.length || engine.status().some(isStarting)) {
    throwIfOver(isOver)
    await nodeSeam.scheduler.after(LOOK_MS)
  }
  const attempts = ({ snapshots }: ShardStatus) => ({ taken: snapshots?.taken ?? 0, failed: snapshots?.failed ?? 0 })
  const before = new Map(engine.status().map((status) => [status.shard, attempts(status)]))
  let deaths = -1
  for (;;) {
    const waiting = engine.status().filter((status) => {
      const { taken, failed } = attempts(status)
      const known = before.get(status.shard)!
      if (failed > known.failed) {
        throw userError('snapshot', `${status.shard} could take no snapshot: ${status.snapshots!.problem}`)
      }
      // One that has died counts from 0 again, and has not heard of this.
      if (taken < known.taken) before.set(status.shard, { taken, failed })
      if (isStarting(status)) return true
      return status.state !== 'finished' && status.snapshots !== null && taken <= known.taken
    })
    if (waiting.length === 0) return
    throwIfOver(isOver)
    if (engine.deaths().length !== deaths) engine.snapshot(waiting.map(({ shard }) => shard))
    deaths = engine.deaths().length
    await nodeSeam.scheduler.after(LOOK_MS)
  }
}

function throwIfOver(isOver: () => boolean): void {
  if (isOver()) throw userError('snapshot', 'the run ended before all snapshots were taken')
}
