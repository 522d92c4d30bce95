/**
 * What a worker is at, in memory that its host reads too: a thread that is blocked, or dead, cannot tell. It counts the
 * calls of the user's functions in an epoch, which are the same in every run of it, so that one of them can be named and
 * left out.
 */

/** A call that is left out, because it ended whoever made it; the first of an epoch is number 1. */
export interface SkippedCall {
  readonly call: number
  readonly reason: string
  readonly stack: string | null
}

/** Thrown in the place of a call that is left out. */
export class LeftOut extends Error {
  /** Null in a trial, which says nothing of it. */
  readonly skipped: SkippedCall | null

  constructor(skipped: SkippedCall | null) {
    super(skipped?.reason ?? 'not in this trial')
    this.skipped = skipped
  }
}

/** A trial may leave out as many calls as an epoch has: none of them is to cost memory. */
const NOT_IN_TRIAL = new LeftOut(null)

/** A shard by its cell, an operator by its node, and which call of a user's function it is in. */
export interface WhereItIs {
  readonly cell: number
  readonly node: number
  readonly call: number
}

/** Places in the shared memory. Cells are kept plus one: 0 stands for none. */
const [SHARD, NODE, CALL, STEP, LAST_SHARD, LAST_NODE, CELLS] = [0, 1, 2, 3, 4, 5, 6] as const

/** A call of an epoch, from 1; and, whatever was left out before it, which one of its operator. */
export interface NumberedCall {
  readonly number: number
  readonly node: number
  readonly nth: number
}

/** Which calls of an epoch are made; all, where nothing is said. */
export interface CallChoice {
  readonly skips?: readonly SkippedCall[]
  /** In a trial: the calls that are made, of those that are not skipped. */
  readonly isChosen?: (call: NumberedCall) => boolean
}

/** A function that keeps 100 KB a call has kept some 100 MB by then; to look takes some microseconds. */
const WATCH_CALLS = 1024

export class Activity {
  readonly #cells: Int32Array
  #skips = new Map<number, SkippedCall>()
  #isChosen: ((call: NumberedCall) => boolean) | null = null
  /** By node, in a trial. */
  readonly #counts = new Map<number, number>()
  #isChoosy = false
  #epoch = 0
  /** Looks after the thread every so many calls, and at each epoch. @throws what the shard is to end of */
  watch: () => void = () => {}

  constructor(memory = new SharedArrayBuffer(CELLS * 4)) {
    this.#cells = new Int32Array(memory)
  }

  get memory(): SharedArrayBuffer {
    return this.#cells.buffer as SharedArrayBuffer
  }

  /** An epoch begins: its calls are counted from 1. */
  startEpoch(epoch: number, { skips = [], isChosen }: CallChoice = {}): void {
    this.watch()
    this.#epoch = epoch
    this.#cells[CALL] = 0
    this.#skips = new Map(skips.map((skip) => [skip.call, skip]))
    this.#isChosen = isChosen ?? null
    this.#counts.clear()
    this.#isChoosy = skips.length > 0 || isChosen !== undefined
  }

  /** What was chosen for the epoch is not for the calls that follow: of another shard, or of a source that reads. */
  endEpoch(): void {
    this.#isChoosy = false
  }

  /** An operator of a shard has the thread. @returns what to leave with */
  enter(cell: number, node: number): number {
    const cells = this.#cells
    const before = cells[SHARD] === 0 ? -1 : cells[NODE]!
    cells[SHARD] = cell + 1
    cells[NODE] = node
    cells[LAST_SHARD] = cell + 1
    cells[LAST_NODE] = node
    cells[STEP]!++
    return before
  }

  /** The operator gets on, without a call of a user's function. */
  step(): void {
    this.#cells[STEP]!++
  }

  leave(before: number): void {
    this.#cells[NODE] = before
    if (before < 0) this.#cells[SHARD] = 0
  }

  /** Comes before each call of a user's function. @throws LeftOut in its place */
  call(): void {
    const call = ++this.#cells[CALL]!
    if (call % WATCH_CALLS === 0) this.watch()
    if (this.#isChoosy) this.#check(call)
  }

  #check(call: number): void {
    const skipped = this.#skips.get(call)
    if (skipped !== undefined) throw new LeftOut(skipped)
    if (this.#isChosen === null) return
    const node = this.#cells[NODE]!
    const nth = (this.#counts.get(node) ?? 0) + 1
    this.#counts.set(node, nth)
    if (!this.#isChosen({ number: call, node, nth })) throw NOT_IN_TRIAL
  }

  /** Which call of a user's function in which epoch is being made. */
  get place(): { epoch: number; call: number } {
    return { epoch: this.#epoch, call: this.#cells[CALL]! }
  }

  /** Where the thread is; null while no operator has it. */
  now(): WhereItIs | null {
    const shard = this.#cells[SHARD]!
    return shard === 0 ? null : { cell: shard - 1, node: this.#cells[NODE]!, call: this.#cells[CALL]! }
  }

  /** Where it was last, if no operator has it now; null where none ever had. */
  last(): WhereItIs | null {
    const shard = this.#cells[LAST_SHARD]!
    return shard === 0 ? null : { cell: shard - 1, node: this.#cells[LAST_NODE]!, call: 0 }
  }

  /** Differs from one moment to another if the thread got on. */
  progress(): string {
    return `${this.#cells[STEP]} ${this.#cells[CALL]} ${this.#cells[SHARD]}`
  }
}
