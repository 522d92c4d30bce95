/** What the program that started a topology holds of it. */
import { nodeSeam } from '../base/real/node-seam.ts'
import { Board } from '../mailbox/board.ts'
import type { Batch } from '../records/batch.ts'
import type { Plan } from '../topology/plan.ts'
import { actOnLetters, settleOrders } from './act-on-letters.ts'
import { readOutput } from './committed-output.ts'
import type { Engine, Started } from './engine.ts'
import type { LetterRequest } from './letter-orders.ts'
import { rescaleRunning } from './rescale.ts'
import type { ShardStatus } from './shard-actor.ts'
import type { Death } from './supervisor.ts'
import { takeSnapshots } from './take-snapshots.ts'

/** A row of a committed output: +1 holds, -1 takes an earlier one back. */
export interface OutputRow {
  readonly row: Readonly<Record<string, unknown>>
  readonly diff: number
}

export interface Running {
  /** What runs, as it is now. */
  readonly plan: Plan
  /** True when an interrupted run goes on. */
  readonly isContinued: boolean
  /** Resolves when the input has ended (`finished`) or after `stop` (`drained`); rejects with what ended it. */
  readonly ended: Promise<'finished' | 'drained'>
  status(): ShardStatus[]
  /** Workers and hosts that died and were started again. */
  deaths(): readonly Death[]
  /** What was done about shards that kept dying: that they are on trial, and what was found. */
  notes(): readonly string[]
  /** Process ids of the hosts. */
  pids(): number[]
  /** The committed rows of `.output(name)`, from the beginning, as they come. */
  output(name: string): AsyncIterable<OutputRow>
  /** The same, batch by batch. */
  outputBatches(name: string): AsyncIterable<Batch>
  /**
   * Takes a snapshot of every shard that has a store; resolves when all are there.
   * @throws user error `snapshot` when snapshots are off or the run has ended; what failed otherwise
   */
  snapshot(): Promise<void>
  /**
   * Gives a stage another number of shards, while the others go on: the shards that it has hand over to new ones, and
   * key groups move with their state. Resolves when the new ones live.
   * @throws user error `rescale` when the stage cannot have so many, or the run has ended
   * @example await running.rescale('by-origin', 8)
   */
  rescale(stage: string, shards: number): Promise<void>
  /**
   * Takes dead letters once more: each goes where it was turned away, and is judged as if it had come now. Resolves when
   * they were taken.
   * @param letters their numbers, as `umbel dead-letters list` gives them
   * @param row another row in the place of the one that was turned away, as a JSON object
   * @throws user error `dead-letter` that names the letter which cannot be retried, and why
   * @example await running.retry([3], '{"at":"2026-01-01T00:00:00Z","user":"ann"}')
   */
  retry(letters: readonly number[], row?: string): Promise<void>
  /** Notes that dead letters need no more attention. @throws user error `dead-letter` where there are none with such numbers */
  drop(letters: readonly number[]): Promise<void>
  /** Comes to a graceful end: everything is stored, a later start goes on. */
  stop(): Promise<void>
}

/** That of the thread which holds the run. */
const BELL = 2

/** @param over called once when all has ended, with the outcome, or without one when it failed */
export function makeRunning(
  started: Started,
  engine: Engine,
  isContinued: boolean,
  over: (outcome?: 'finished' | 'drained') => void,
): Running {
  let isOver = false
  const ended = engine.ended
    .then(
      (outcome) => {
        if (outcome === 'finished') settleOrders(started, engine)
        over(outcome)
        return outcome
      },
      (error) => {
        over()
        throw error
      },
    )
    .finally(() => {
      isOver = true
      // Who reads an output waits for the board, and nothing changes on it any more.
      new Board(engine.board, BELL).ring()
    })
  ended.catch(() => {})
  const options = {
    plan: () => engine.plan,
    seam: nodeSeam,
    board: engine.board,
    bell: BELL,
    directory: started.directory,
  }
  const act = (request: LetterRequest) => actOnLetters(started, engine, request, () => isOver)
  // What was committed is given out in any case; a failed run is told behind it.
  async function* outputBatches(name: string): AsyncGenerator<Batch> {
    yield* readOutput(options, name, () => isOver)
    if (isOver) await ended
  }
  return {
    get plan() {
      return engine.plan
    },
    isContinued,
    ended,
    status: () => engine.status(),
    deaths: () => engine.deaths(),
    notes: () => engine.notes(),
    pids: () => engine.pids(),
    outputBatches,
    async *output(name) {
      for await (const batch of outputBatches(name)) {
        for (let i = 0; i < batch.length; i++) yield { row: batch.row(i), diff: batch.diff(i) }
      }
    },
    snapshot: () => takeSnapshots(started, engine, () => isOver),
    rescale: (stage, shards) => rescaleRunning(started, engine, { stage, shards }, () => isOver),
    retry: (letters, row) => act({ kind: 'retry', letters, row: row ?? null }),
    drop: (letters) => act({ kind: 'drop', letters, row: null }),
    async stop() {
      engine.drain()
      await ended
    },
  }
}
