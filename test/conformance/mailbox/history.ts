/**
 * Random histories of one sender and its receivers: appends in flight, deaths, zombies, readers that live through them
 * and readers that come back, trims. The model is the list of what was written by epoch; every claim says how long it
 * is, within what was announced and what was appended.
 */
import type { Test } from 'tap'
import type { LogReader, LogWriter } from '../../../src/mailbox/log.ts'
import { begin, type MailboxDriver } from './driver.ts'
import { EDGES, markersOf, markerText, PARTITIONS, recordOf, textOf, textOfRead } from './records.ts'

const SENDER = 'stage/0'

interface Receiver {
  readonly partition: number
  readonly edges: readonly number[]
  reader: LogReader
}

export class History {
  readonly #t: Test
  readonly #driver: MailboxDriver
  readonly #random: () => number
  /** The tag of each epoch's writer, from epoch 1; those beyond what was announced may yet be lost. */
  #tags: string[] = []
  #announced = 0
  #writer!: LogWriter
  #life = 0
  #incarnation = 0
  #zombie: LogWriter | null = null
  readonly #receivers: Receiver[] = []

  constructor(t: Test, driver: MailboxDriver, random: () => number) {
    this.#t = t
    this.#driver = driver
    this.#random = random
  }

  async run(steps: number): Promise<void> {
    await this.#claim()
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const edges = EDGES.slice(0, 1 + this.#below(EDGES.length))
      this.#receivers.push({ partition, edges, reader: this.#driver.log.reader(SENDER, edges, partition, 0) })
    }
    for (let step = 0; step < steps; step++) await this.#act(this.#random())
    await this.#crash()
    for (const receiver of this.#receivers) await this.#readAll(receiver)
    this.#t.equal(this.#receivers[0]!.reader.position, this.#tags.length, `all ${this.#tags.length} epochs are read`)
  }

  async #act(chance: number): Promise<void> {
    if (chance < 0.35) return this.#append()
    if (chance < 0.65) return this.#step()
    if (chance < 0.85) return this.#readSome(this.#receivers[this.#below(PARTITIONS)]!)
    if (chance < 0.9) return this.#restart(this.#receivers[this.#below(PARTITIONS)]!)
    if (chance < 0.93) return this.#trim()
    if (chance < 0.96) return this.#readMarkers()
    if (chance < 0.98 && this.#driver.hasZombies) return this.#leaveZombie()
    return this.#crash()
  }

  #append(): void {
    if (this.#tags.length - this.#announced >= 4) return
    const epoch = this.#tags.length + 1
    const tag = `life${this.#life}`
    this.#tags.push(tag)
    const { incarnation } = this.#writer
    this.#writer.append(recordOf(epoch, tag)).then(
      () => this.#confirm(epoch, incarnation, tag),
      () => {},
    )
  }

  /** An append has resolved: the epoch is visible, and nobody may lose it. */
  #confirm(epoch: number, incarnation: number, tag: string): void {
    if (this.#tags[epoch - 1] !== tag) this.#t.fail(`epoch ${epoch} was lost after life ${incarnation} heard of it`)
    if (this.#driver.announced(SENDER) < epoch) this.#t.fail(`epoch ${epoch} was not announced`)
    this.#announced = Math.max(this.#announced, epoch)
  }

  async #step(): Promise<void> {
    await this.#driver.step()
  }

  async #crash(): Promise<void> {
    await this.#driver.crash()
    this.#zombie = null
    // Readers that stay up cannot know yet how long the log is: they wait.
    for (const { reader } of this.#receivers) {
      if ((await reader.next()) !== null) this.#t.fail('something is read before the sender has announced')
    }
    await this.#claim()
  }

  /** The older life's writer is still held by somebody who does not know. */
  async #leaveZombie(): Promise<void> {
    const older = this.#writer
    await this.#claim()
    this.#zombie = older
  }

  async #claim(): Promise<void> {
    const writer = await begin(this.#driver, SENDER, { epoch: this.#announced, incarnation: 0 })
    const { end, incarnation } = writer
    if (end < this.#announced || end > this.#tags.length)
      this.#t.fail(`ends at ${end}, not within ${this.#announced} and ${this.#tags.length}`)
    if (incarnation <= this.#incarnation) this.#t.fail(`incarnation ${incarnation} follows ${this.#incarnation}`)
    this.#tags.length = end
    this.#announced = end
    this.#writer = writer
    this.#incarnation = incarnation
    this.#life++
    if (this.#zombie !== null) await this.#checkZombie(this.#zombie)
  }

  async #checkZombie(zombie: LogWriter): Promise<void> {
    const heard = await zombie.append(recordOf(zombie.end + 1, 'zombie')).catch((error) => error.kind)
    if (heard !== 'fenced') this.#t.fail(`a zombie's append gives ${heard}`)
  }

  async #readSome(receiver: Receiver): Promise<void> {
    for (let count = this.#below(4); count >= 0; count--) if (!(await this.#read(receiver))) return
  }

  async #readAll(receiver: Receiver): Promise<void> {
    while (await this.#read(receiver)) {}
  }

  async #read({ reader, partition, edges }: Receiver): Promise<boolean> {
    const epoch = reader.position + 1
    const visible = this.#driver.announced(SENDER)
    const got = textOfRead(await reader.next())
    const wanted = epoch <= visible ? textOf(epoch, this.#tags[epoch - 1]!, partition, edges) : null
    if (got !== wanted) this.#t.fail(`partition ${partition} reads ${got}`, { wanted })
    return got !== null
  }

  /** A receiver comes back, and reads from a position that it has stored; some of it again. */
  async #restart(receiver: Receiver): Promise<void> {
    const { position } = receiver.reader
    receiver.reader.close()
    const after = Math.max(this.#floor, position - this.#below(5))
    receiver.reader = this.#driver.log.reader(SENDER, receiver.edges, receiver.partition, after)
    while (receiver.reader.position < position) {
      const epoch = receiver.reader.position + 1
      const got = textOfRead(await receiver.reader.next(position))
      const wanted = textOf(epoch, this.#tags[epoch - 1]!, receiver.partition, receiver.edges)
      if (got !== wanted) this.#t.fail(`partition ${receiver.partition} reads ${got} again`, { wanted })
    }
  }

  /** Below it, records may be gone. */
  #floor = 0

  async #trim(): Promise<void> {
    const least = Math.min(...this.#receivers.map(({ reader }) => reader.position))
    const epoch = this.#floor + this.#below(least - this.#floor + 1)
    await this.#driver.log.trim(SENDER, epoch + 1)
    this.#floor = Math.max(this.#floor, epoch)
  }

  async #readMarkers(): Promise<void> {
    const from = Math.min(this.#floor + 1 + this.#below(3), this.#announced + 1)
    const to = from - 1 + this.#below(this.#announced - from + 2)
    const got = await markersOf(this.#driver.log, SENDER, from, to)
    const wanted = Array.from({ length: to - from + 1 }, (_, i) => markerText(from + i, this.#tags[from + i - 1]!))
    if (got.join() !== wanted.join()) this.#t.fail(`markers ${from} to ${to} are ${got}`, { wanted })
  }

  /** A whole number from 0 up to, not including, `limit`. */
  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}
