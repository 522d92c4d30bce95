/** Reads what a topology has committed to an output, from the logs, in the embedding program. */
import { userError } from '../base/errors.ts'
import type { Seam } from '../base/seam.ts'
import { Board, type BoardBuffers } from '../mailbox/board.ts'
import { EmbeddedLog } from '../mailbox/embedded-log.ts'
import { Inbox } from '../mailbox/inbox.ts'
import type { Batch } from '../records/batch.ts'
import { SHARD_LIMITS } from '../recovery/shard-limits.ts'
import { generationsOf } from '../topology/generations.ts'
import type { Plan } from '../topology/plan.ts'
import { logDirectory } from './job.ts'

export interface OutputReaderOptions {
  /** What runs, as it is at the time. */
  readonly plan: () => Plan
  readonly seam: Seam
  readonly board: BoardBuffers
  readonly bell: number
  readonly directory: string
}

/**
 * The committed batches of an output, in order within each sender, from the oldest that is kept, until the topology has
 * finished or `stopped` is true.
 * @throws user error `output` that lists the outputs there are, or when rows went before they were read
 */
export async function* readOutput(
  options: OutputReaderOptions,
  name: string,
  stopped: () => boolean,
): AsyncGenerator<Batch> {
  const { seam, directory } = options
  let plan = options.plan()
  const node = plan.topology.outputs.find((output) => output.name === name && output.connector === null)
  if (node === undefined) {
    const names = plan.topology.outputs
      .filter((output) => output.connector === null)
      .map((output) => `'${output.name}'`)
    throw userError(
      'output',
      `there is no output '${name}'; the outputs are ${names.join(', ') || 'none: end a stream with .output()'}`,
    )
  }
  const edge = plan.edges.find((one) => one.to === null && one.from.node === node.inputs[0].id)!
  const board = new Board(options.board, options.bell)
  const log = new EmbeddedLog({
    files: seam.files,
    directory: logDirectory(directory),
    announced: (sender) => board.announced(plan.shards.find(({ id }) => id === sender)!.cell),
    announce: () => {},
  })
  const edges = () => [{ edge: edge.id, schema: edge.schema, senders: generationsOf(plan, edge.from.stage) }]
  const inbox = new Inbox(log, edges(), 0)
  const start = inbox.state()
  const firsts = () => inbox.senders.map(({ id }) => log.first(id))
  inbox.restore({ ...start, positions: firsts() })
  const release = seam.scheduler.hold()
  try {
    while (!inbox.isFinished) {
      const { moment } = board
      if (plan !== options.plan()) {
        plan = options.plan()
        inbox.learn(edges())
      }
      const batches: Batch[] = []
      const slices = await fill(
        inbox,
        batches,
        () => firsts().some((first, s) => inbox.state().positions[s]! < first),
        name,
      )
      yield* batches
      if (slices.length === 0) {
        if (stopped()) return
        await board.changedSince(moment)
      }
    }
  } finally {
    release()
    inbox.close()
  }
}

/** As an epoch of a shard that read them would, by default. */
const AT_ONCE = {
  rows: SHARD_LIMITS.epochRowsMax,
  bytes: SHARD_LIMITS.epochBytesMax,
  fetchBytes: SHARD_LIMITS.fetchBytesMax,
}

/** A reader that is slower than the retention finds that rows have gone. */
async function fill(
  inbox: Inbox,
  into: Batch[],
  isOvertaken: () => boolean,
  name: string,
): Promise<readonly unknown[]> {
  try {
    return await inbox.fill(AT_ONCE, ({ batch }) => into.push(batch))
  } catch (error) {
    if (!isOvertaken()) throw error
    throw userError('output', `rows of output '${name}' went before they were read: give it a longer retention`, error)
  }
}
