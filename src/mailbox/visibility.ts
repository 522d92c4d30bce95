/** What a receiver may read of a sender's log: decided by the sender's announcements alone, never by what is found. */
import { corruptionError } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'

/**
 * Whether the record of epoch `next` may be read; it must exist then, since a miss is never "not yet".
 * @param announced the last visible epoch of the sender, -1 while unknown
 * @param known an epoch that was read before, hence is visible whether or not the sender lives
 * @throws corruption `log` when the sender's log ends before what the receiver has read: it is not the log that it was
 */
export function isNextVisible(sender: ShardId, next: number, announced: number, known: number): boolean {
  if (announced >= 0 && announced < next - 1) {
    throw corruptionError(
      'log',
      `the log of ${sender} ends at epoch ${announced}, but epoch ${next - 1} was read from it: its last records are lost; ` +
        'restore its files, or the whole job from a copy',
    )
  }
  return Math.max(announced, known) >= next
}
