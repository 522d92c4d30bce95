/**
 * Transaction markers: one a shard and epoch, in the same record as the epoch's output. A marker says what the epoch
 * read, how far time came, and hashes by which a replay is compared; markers form a chain by hash (RC-3).
 */
import { Packr } from 'msgpackr'
import type { SkippedCall } from '../base/activity.ts'
import { corruptionError } from '../base/errors.ts'
import { checksum } from '../base/hash.ts'
import type { Epoch } from '../base/ids.ts'
import type { InboxState, Slice } from '../mailbox/inbox.ts'
import type { Routing } from '../mailbox/log.ts'
import type { Retry } from './retries.ts'
import type { EpochShape } from './shard-limits.ts'

const MARKER_LAYOUT = 6
const packr = new Packr({ useRecords: false })

/** What decides whether a replay must give the same bytes. */
export interface CodeVersion {
  readonly definition: string
  readonly umbel: string
  readonly node: string
}

export interface Marker extends Routing {
  readonly epoch: Epoch
  /** Hash of the marker before; 0 for the first. */
  readonly previous: number
  readonly slices: readonly Slice[]
  /** Inbox positions and watermarks after the epoch. */
  readonly inbox: InboxState
  /** Hash of the logical changes of state. */
  readonly changes: number
  /** Hash of the output frames. */
  readonly outputs: number
  /** False when something is still due at the epoch's watermarks: the next epoch goes on with it, without new input. */
  readonly isCaughtUp: boolean
  readonly isLast: boolean
  readonly version: CodeVersion
  readonly shape: EpochShape
  /** Answers from outside (clock, randomness, calls), in the order in which they were asked. */
  readonly journal: readonly unknown[]
  /** Calls of users' functions that were left out, since they ended whoever made them. */
  readonly skips: readonly SkippedCall[]
  /** The dead letter that the epoch took once more. */
  readonly retry: Retry | null
  /** The state of a program that keeps it here. */
  readonly program: unknown
}

export const encodeMarker = (marker: Marker): Uint8Array => packr.pack([MARKER_LAYOUT, marker])

export const hashMarker = (bytes: Uint8Array): number => checksum(bytes)

/** @throws corruption `marker` when the bytes are not a marker of this layout */
export function decodeMarker(bytes: Uint8Array): Marker {
  let decoded: unknown
  try {
    decoded = packr.unpack(bytes)
  } catch (error) {
    throw corruptionError('marker', `a transaction marker cannot be decoded: ${(error as Error).message}`, error)
  }
  if (!Array.isArray(decoded) || decoded[0] !== MARKER_LAYOUT) {
    throw corruptionError('marker', `a transaction marker has another layout than ${MARKER_LAYOUT}`)
  }
  return decoded[1] as Marker
}
