/** Where shards that hand over have ended, which must be the same place (RS-1), and where what follows them goes on. */
import { invariant } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { InboxState } from '../mailbox/inbox.ts'

/**
 * The one place at which all have ended.
 * @throws invariant `RS-1` when they have not read the same of the same senders
 */
export function agreedInbox(ends: readonly { readonly shard: ShardId; readonly inbox: InboxState }[]): InboxState {
  const [first, ...others] = ends
  const text = textOf(first!.inbox)
  const other = others.find(({ inbox }) => textOf(inbox) !== text)
  invariant(
    other === undefined,
    'RS-1',
    () => `${first!.shard} ended at ${text}, ${other!.shard} at ${textOf(other!.inbox)}`,
  )
  const inboxes = ends.map(({ inbox }) => inbox)
  const known = inboxes.reduce((most, one) => (one.positions.length > most.positions.length ? one : most))
  const positions = known.positions.map((_, s) => Math.max(...inboxes.map((inbox) => inbox.positions[s] ?? 0)))
  // Which dead letters they took is each one's own; what is ordered of this shard was ordered later.
  return { ...known, positions, retried: 0 }
}

/**
 * As text, since JSON has no infinities. Senders that came to be last, of which nothing was read, one may have heard of before
 * another; and of one that has said its last on every edge, one may have read more records that hold nothing for it.
 */
function textOf({ positions, watermarks, retired }: InboxState): string {
  const count = positions.findLastIndex((position) => position > 0) + 1
  const places = positions.slice(0, count).map((position, s) => (isOver(watermarks[s]!) ? 'over' : position))
  const read = { positions: places, watermarks: watermarks.slice(0, count), retired }
  return JSON.stringify(read, (_, value) => (typeof value === 'number' ? `${value}` : value))
}

const isOver = (watermarks: readonly number[]): boolean => watermarks.every((one) => one === Number.POSITIVE_INFINITY)
