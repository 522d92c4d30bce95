/** One operator over a store of its own, as a shard runs it: batches in, time on, flushes and commits. Internals, from dist. */
import path from 'node:path'
import { makeOperator, tablesOf } from '../../dist/actors/make-operator.js'
import { nodeSeam } from '../../dist/base/real/node-seam.js'
import { NO_GUARD } from '../../dist/operators/user-code.js'
import { SHARD_LIMITS } from '../../dist/recovery/shard-limits.js'
import { LmdbEnvironment } from '../../dist/storage/lmdb-environment.js'
import { WriteSet } from '../../dist/storage/write-set.js'
import { plan } from '../../dist/topology/plan.js'

export class OperatorRun {
  #operator
  #writes
  #version = 0
  /** Rows that were put out. */
  rowsOut = 0

  /** @param kind of the node in the topology */
  constructor(directory, topology, kind) {
    const planned = plan(topology, 1).stages.flatMap(({ nodes }) => nodes)
    this.planned = planned.find(({ node }) => node.kind === kind)
    this.environment = new LmdbEnvironment({ path: path.join(directory, kind), tables: tablesOf(this.planned) })
    this.#writes = new WriteSet(this.environment)
    const context = {
      table: (name) => this.#writes.table(`n${this.planned.node.id}.${name}`),
      emit: (batch) => {
        this.rowsOut += batch.length
      },
      journal: (ask) => ask(),
      guard: NO_GUARD,
      limits: SHARD_LIMITS,
    }
    this.#operator = makeOperator(this.planned, context, nodeSeam)
  }

  push(batch, port = 0) {
    this.#operator.onBatch(batch, port)
  }

  /** To the end of what is due; what is written goes to the store where a shard would put it there. */
  async advance(watermarks, mustStore = false) {
    const budget = () => ({ rows: SHARD_LIMITS.epochRowsMax, bytes: SHARD_LIMITS.outboxBytesMax })
    while (this.#operator.advance?.(watermarks, budget()) === false) await this.#store(false)
    await this.#store(mustStore)
  }

  async #store(must) {
    const held = this.#writes.bytes + (this.#operator.memoryBytes?.() ?? 0)
    if (!must && held < SHARD_LIMITS.writeSetBytesMax) return
    do {
      this.#operator.flush?.()
      const version = this.#version + 1
      await this.environment.commit(this.#version, { version, body: Buffer.alloc(8) }, this.#writes.seal())
      this.#writes.sealedStored()
      this.#version = version
    } while (this.#operator.isBehind?.() === true)
  }

  close() {
    return this.environment.close()
  }
}

/** Rows a CPU second of `work`, threads that write included. */
export async function rowsPerCpuSecond(rows, work) {
  const before = process.cpuUsage()
  const began = performance.now()
  await work()
  const { user, system } = process.cpuUsage(before)
  return {
    rows,
    seconds: (performance.now() - began) / 1000,
    'rows/CPU s': (rows * 1e6) / (user + system),
    'heap MB': process.memoryUsage().heapUsed / 1e6,
  }
}
