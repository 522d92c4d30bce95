/**
 * The board: how far every shard has come, shared by the threads of a host, and the bells that wake them. One writer a
 * cell, so that no lock is needed; between hosts the same numbers travel by message.
 *
 *   announced  the last visible epoch of each shard, -1 while it has not started: others only replay until then
 *   consumed   per (receiver, sender): the last position that the receiver has stored
 *   retained   per (receiver, sender): the last position below which the receiver asks for nothing any more, whatever
 *              becomes of its store; of a shard with itself, the first epoch whose marker it may ask for
 *   ended      per shard, in the cell of what it consumed of itself: its last epoch, once it has ended for good and its
 *              store is closed; -1 when it has, but its store is lost
 *   backlog    per shard: bytes of its log that some receiver has not stored yet
 *   time       per source shard: the least watermark of its active splits (`source-times.ts`)
 */
import type { Timestamp } from '../base/time.ts'

const BELLS = 64
/** The infinities in a cell; cells travel between processes as doubles, so both must be exact ones. */
const LEAST = -(2n ** 53n)
const GREATEST = 2n ** 53n

export interface BoardBuffers {
  readonly shards: number
  readonly numbers: SharedArrayBuffer
  /** By shard: how often one of its cells was written, so that only what changed is looked at. */
  readonly writes: SharedArrayBuffer
  /** The bells, and behind them how many of them somebody listens to. */
  readonly bells: SharedArrayBuffer
}

/** What somebody has been told of a board: cells, and how often those of each shard had been written. */
export interface KnownBoard {
  readonly cells: Float64Array
  readonly writes: Int32Array
}

/** More shards than this can come to a running job only with its next start. */
const SPARE_SHARDS = 32

/** How many shards a board has room for, that begins with so many. */
export const boardShards = (shards: number): number => shards + SPARE_SHARDS

export function makeBoardBuffers(shards: number): BoardBuffers {
  const numbers = new SharedArrayBuffer(8 * (shards * 3 + 2 * shards * shards))
  const cells = new BigInt64Array(numbers)
  cells.fill(-1n, 0, shards)
  cells.fill(LEAST, shards * 2, shards * 3)
  return {
    shards,
    numbers,
    writes: new SharedArrayBuffer(4 * shards),
    bells: new SharedArrayBuffer(4 * (BELLS + 1)),
  }
}

export class Board {
  readonly #cells: BigInt64Array
  readonly #writes: Int32Array
  readonly #bells: Int32Array
  readonly #shards: number
  readonly #bell: number
  readonly #own: ReadonlySet<number> | null

  /**
   * @param bell which of the bells this thread listens to
   * @param own the shards whose cells this process writes: `changes` tells those alone, `apply` leaves them alone; may grow
   */
  constructor(buffers: BoardBuffers, bell: number, own: ReadonlySet<number> | null = null) {
    this.#own = own
    this.#shards = buffers.shards
    this.#cells = new BigInt64Array(buffers.numbers)
    this.#writes = new Int32Array(buffers.writes)
    this.#bells = new Int32Array(buffers.bells)
    this.#bell = bell
    for (let used = 0; used <= bell; ) used = Atomics.compareExchange(this.#bells, BELLS, used, bell + 1)
  }

  announced(shard: number): number {
    return Number(Atomics.load(this.#cells, shard))
  }

  /** Tells everybody that the shard's log is visible up to `epoch`. Never goes back. */
  announce(shard: number, epoch: number): void {
    if (this.announced(shard) >= epoch) return
    this.#write(shard, shard, BigInt(epoch))
    this.ring()
  }

  backlog(shard: number): number {
    return Number(Atomics.load(this.#cells, this.#shards + shard))
  }

  /** A smaller one rings: sources of other hosts may wait for it. */
  setBacklog(shard: number, bytes: number): void {
    const before = this.#write(shard, this.#shards + shard, BigInt(bytes))
    if (before > BigInt(bytes)) this.ring()
  }

  backlogOfAll(): number {
    let sum = 0
    for (let shard = 0; shard < this.#shards; shard++) sum += this.backlog(shard)
    return sum
  }

  sourceTime(shard: number): Timestamp {
    const value = Atomics.load(this.#cells, this.#shards * 2 + shard)
    if (value === LEAST) return Number.NEGATIVE_INFINITY
    return value === GREATEST ? Number.POSITIVE_INFINITY : Number(value)
  }

  setSourceTime(shard: number, time: Timestamp): void {
    const value = Number.isFinite(time) ? BigInt(time) : time < 0 ? LEAST : GREATEST
    if (this.#write(shard, this.#shards * 2 + shard, value) !== value && value === GREATEST) this.ring()
  }

  consumed(receiver: number, sender: number): number {
    return Number(Atomics.load(this.#cells, this.#consumedCell(receiver, sender)))
  }

  setConsumed(receiver: number, sender: number, position: number): void {
    this.#set(receiver, this.#consumedCell(receiver, sender), position)
  }

  ended(shard: number): number {
    return this.consumed(shard, shard)
  }

  setEnded(shard: number, epoch: number): void {
    this.setConsumed(shard, shard, epoch)
  }

  retained(receiver: number, sender: number): number {
    return Number(Atomics.load(this.#cells, this.#retainedCell(receiver, sender)))
  }

  setRetained(receiver: number, sender: number, position: number): void {
    this.#set(receiver, this.#retainedCell(receiver, sender), position)
  }

  #set(writer: number, cell: number, value: number): void {
    if (Number(Atomics.load(this.#cells, cell)) === value) return
    this.#write(writer, cell, BigInt(value))
    this.ring()
  }

  /**
   * The cell first and then the count: whoever sees the count sees the cell, and who sees the cell alone looks again.
   * @returns what was there
   */
  #write(writer: number, cell: number, value: bigint): bigint {
    const before = Atomics.exchange(this.#cells, cell, value)
    Atomics.add(this.#writes, writer, 1)
    return before
  }

  /** What `changes` compares with at first: no cell is known yet, so that it tells every one. */
  nothingKnown(): KnownBoard {
    return {
      cells: new Float64Array(this.#cells.length).fill(Number.NaN),
      writes: new Int32Array(this.#shards).fill(-1),
    }
  }

  /** Cells that differ from `known`, which is brought up to date. */
  changes(known: KnownBoard): [cell: number, value: number][] {
    const changes: [number, number][] = []
    const shards = this.#shards
    const look = (cell: number): void => {
      const value = Number(Atomics.load(this.#cells, cell))
      if (value === known.cells[cell]) return
      known.cells[cell] = value
      changes.push([cell, value])
    }
    for (let shard = 0; shard < shards; shard++) {
      const writes = Atomics.load(this.#writes, shard)
      if (writes === known.writes[shard] || (this.#own !== null && !this.#own.has(shard))) continue
      known.writes[shard] = writes
      for (let kind = 0; kind < 3; kind++) look(kind * shards + shard)
      for (const first of [this.#consumedCell(shard, 0), this.#retainedCell(shard, 0)])
        for (let sender = 0; sender < shards; sender++) look(first + sender)
    }
    return changes
  }

  /** Takes over what other processes have written. A cell has one writer, so there is nothing to merge. */
  apply(changes: readonly (readonly [cell: number, value: number])[]): void {
    for (const [cell, value] of changes) {
      const writer = this.#writerOf(cell)
      if (!this.#own?.has(writer)) this.#write(writer, cell, BigInt(value))
    }
    this.ring()
  }

  /** Wakes every thread of the host that waits. */
  ring(): void {
    const used = Atomics.load(this.#bells, BELLS)
    for (let bell = 0; bell < used; bell++) {
      Atomics.add(this.#bells, bell, 1)
      Atomics.notify(this.#bells, bell)
    }
  }

  /** A number that changes with the board: take it before looking, and wait for a change since then. */
  get moment(): number {
    return Atomics.load(this.#bells, this.#bell)
  }

  /** Resolves when the board has changed since `moment`. Does not keep a thread alive. */
  async changedSince(moment: number): Promise<void> {
    const wait = Atomics.waitAsync(this.#bells, this.#bell, moment)
    if (wait.async) await wait.value
  }

  /** The shard that writes a cell. */
  #writerOf(cell: number): number {
    const shards = this.#shards
    return cell < shards * 3 ? cell % shards : Math.floor((cell - shards * 3) / shards) % shards
  }

  #consumedCell(receiver: number, sender: number): number {
    return this.#shards * 3 + receiver * this.#shards + sender
  }

  #retainedCell(receiver: number, sender: number): number {
    return this.#consumedCell(receiver + this.#shards, sender)
  }
}
