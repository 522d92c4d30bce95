/** Retrying and dropping dead letters of a job that runs here. */
import { userError } from '../base/errors.ts'
import { nodeSeam } from '../base/real/node-seam.ts'
import type { Engine, Started } from './engine.ts'
import { type LetterRequest, orderLetters, type RetryOrder, readOrders, withdrawOrders } from './letter-orders.ts'
import { ownerOf } from './retry-queue.ts'
import { waitUntil } from './wait-until.ts'

type Standing = 'taken' | 'waits' | 'never'

function standingOf(engine: Engine, order: RetryOrder): Standing {
  const owner = ownerOf(engine.plan, order)
  const status = engine.status().find(({ shard }) => shard === owner)
  if (status === undefined) return 'waits'
  const { seen, left } = status.retries
  if (seen >= order.order && !left.includes(order.order)) return 'taken'
  return status.state === 'finished' ? 'never' : 'waits'
}

/** See `Running.retry` and `Running.drop`. Of rows that are retried, resolves when all were taken. */
export async function actOnLetters(
  { directory }: Started,
  engine: Engine,
  request: LetterRequest,
  isOver: () => boolean,
): Promise<void> {
  const { files } = nodeSeam
  if (isOver()) throw userError('dead-letter', 'the run has ended')
  const ordered = await orderLetters(files, directory, request)
  const orders = ordered.filter((order) => order.kind === 'retry')
  if (orders.length === 0) return
  engine.retry()
  let waiting = orders
  await waitUntil(
    () => {
      waiting = waiting.filter((order) => standingOf(engine, order) === 'waits')
      return waiting.length === 0
    },
    isOver,
    () => userError('dead-letter', 'the run ended before it took them: its next start does'),
  )
  const never = orders.filter((order) => standingOf(engine, order) === 'never')
  if (never.length === 0) return
  const letters = withdrawOrders(files, directory, new Set(never.map(({ order }) => order)))
  throw userError(
    'dead-letter',
    `too late for dead letter ${letters.join(', ')}: the input of ${[...new Set(never.map(({ stage }) => stage))].join(', ')} has ended`,
  )
}

/** At the end of a run that has finished: what nobody took stays as it was. */
export function settleOrders({ directory }: Started, engine: Engine): void {
  const orders = readOrders(nodeSeam.files, directory).filter((order) => order.kind === 'retry')
  const left = orders.filter((order) => standingOf(engine, order) !== 'taken')
  if (left.length > 0) withdrawOrders(nodeSeam.files, directory, new Set(left.map(({ order }) => order)))
}
