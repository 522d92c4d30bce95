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
  const known = ends
    .map(({ inbox }) => inbox)
    .reduce((most, one) => (one.positions.length > most.positions.length ? one : most))
  // Which dead letters they took is each one's own; what is ordered of this shard was ordered later.
  return { ...known, retried: 0 }
}

/** As text, since JSON has no infinities. Senders that came to be last, of which nothing was read, one may have heard of before another. */
function textOf({ positions, watermarks, retired }: InboxState): string {
  const count = positions.findLastIndex((position) => position > 0) + 1
  const read = { positions: positions.slice(0, count), watermarks: watermarks.slice(0, count), retired }
  return JSON.stringify(read, (_, value) => (typeof value === 'number' ? `${value}` : value))
}
