/** Stores in LMDB, boards in shared memory, modules from files. */
import { Board } from '../../mailbox/board.ts'
import { LmdbEnvironment } from '../../storage/lmdb-environment.ts'
import { loadTopology } from '../load-topology.ts'
import type { ShardMachine } from '../shard-machine.ts'

export const nodeMachine: ShardMachine = {
  nodeVersion: process.version,
  openStore: (path, tables) => new LmdbEnvironment({ path, tables }),
  openBoard: (buffers, bell, own) => new Board(buffers, bell, own ?? null),
  load: loadTopology,
}
