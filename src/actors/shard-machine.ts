/** What shards and hosts need of the machine beside the seam: stores, boards, and the user's module. */
import type { ShardId } from '../base/ids.ts'
import type { Board, BoardBuffers } from '../mailbox/board.ts'
import type { MailboxLog } from '../mailbox/log.ts'
import type { Environment } from '../storage/environment.ts'
import type { Topology } from '../topology/topology.ts'
import type { OffHeapMemory } from './off-heap.ts'

export interface ShardMachine {
  /** For the code version in markers: a replay under another one need not give the same bytes. */
  readonly nodeVersion: string
  openStore(directory: string, tables: readonly string[]): Environment
  /** See `Board`. */
  openBoard(buffers: BoardBuffers, bell: number, own?: ReadonlySet<number>): Board
  /**
   * Opens another log than the embedded one.
   * @param ring wakes those who wait, when more can be read than could when it was announced
   */
  openLog?(
    announced: (sender: ShardId) => number,
    announce: (sender: ShardId, epoch: number) => void,
    ring: () => void,
  ): MailboxLog
  /** Where the thread is to end when it holds too much outside its heap; none where it is the user's own. */
  readonly offHeap?: OffHeapMemory
  load(module: string, name: string): Promise<Topology>
}
