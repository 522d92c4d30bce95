/** What the recovery and the epochs of one shard work with. */
import type { Activity } from '../base/activity.ts'
import type { ShardId } from '../base/ids.ts'
import type { Seam } from '../base/seam.ts'
import type { Board } from '../mailbox/board.ts'
import type { Inbox } from '../mailbox/inbox.ts'
import type { MailboxLog } from '../mailbox/log.ts'
import type { Outbox } from '../mailbox/outbox.ts'
import type { Environment } from '../storage/environment.ts'
import type { Skips } from './fill-epoch.ts'
import type { Journal } from './journal.ts'
import type { CodeVersion } from './marker.ts'
import type { Program } from './program.ts'
import type { RecoveryAttempts } from './recovery-attempts.ts'
import type { Retries } from './retries.ts'
import type { ShardLayout } from './shard-layout.ts'
import type { ChangingLimits } from './shard-limits.ts'
import type { ShardSnapshots } from './shard-snapshots.ts'
import type { ShardStore } from './shard-store.ts'

export interface ShardContext {
  readonly shard: ShardId
  /** The shard's cell on the board. */
  readonly cell: number
  readonly layout: ShardLayout
  readonly seam: Seam
  readonly board: Board
  readonly log: MailboxLog
  readonly inbox: Inbox
  readonly outbox: Outbox
  /** Edges that leave the shard's stage. */
  readonly edges: readonly number[]
  readonly program: Program
  readonly journal: Journal
  readonly activity: Activity
  /** What this life is to leave out. */
  readonly skips: Skips | null
  readonly retries: Retries
  readonly version: CodeVersion
  readonly limits: ChangingLimits
  readonly attempts: RecoveryAttempts
  /** Opens the shard's store. @throws corruption when it cannot be used */
  readonly openStore: () => Environment
  /** Removes the shard's store, so that the next one opened is empty. */
  readonly discardStore: () => void
  /** Null where none are taken. */
  readonly snapshots: ShardSnapshots | null
  readonly snapshotIntervalMs: number
  /**
   * How far the watermark must have gone on before a record that an embedding program reads may go, in microseconds;
   * infinite to keep them all, null where none is read.
   */
  readonly outputRetention: number | null
  /** Tells the program's tables which store they read. */
  readonly bindStore: (store: ShardStore) => void
  /** Whether a graceful end was asked for. */
  readonly isDraining: () => boolean
}
