/** What shards and hosts need of the machine beside the seam: stores, boards, and the user's module. */
import type { Board, BoardBuffers } from '../mailbox/board.ts'
import type { Environment } from '../storage/environment.ts'
import type { Topology } from '../topology/topology.ts'

export interface ShardMachine {
  /** For the code version in markers: a replay under another one need not give the same bytes. */
  readonly nodeVersion: string
  openStore(directory: string, tables: readonly string[]): Environment
  /** See `Board`. */
  openBoard(buffers: BoardBuffers, bell: number, own?: ReadonlySet<number>): Board
  load(module: string, name: string): Promise<Topology>
}
