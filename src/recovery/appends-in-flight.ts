/** Records on their way to disk: how many, and the bytes of their output, which stay in memory until they are there. */
export class AppendsInFlight {
  readonly #appends: Promise<void>[] = []
  #bytes = 0

  /** The one that was begun last. */
  get last(): Promise<void> | undefined {
    return this.#appends.at(-1)
  }

  /** @param done resolves when the record is durable, and what follows from that is done */
  add(done: Promise<void>, bytes: number, fail: (error: unknown) => void): void {
    this.#bytes += bytes
    this.#appends.push(done)
    done.then(() => {
      this.#appends.splice(this.#appends.indexOf(done), 1)
      this.#bytes -= bytes
    }, fail)
  }

  /** Resolves when all that are under way now are done. */
  async settled(): Promise<void> {
    await Promise.all(this.#appends)
  }

  /** True when as many are under way as may be. */
  isFull(appendsMax: number): boolean {
    return this.#appends.length >= appendsMax
  }

  /** Waits until fewer, and fewer bytes, are under way. */
  async makeRoom(appendsMax: number, bytesMax: number): Promise<void> {
    while (this.isFull(appendsMax) || (this.#bytes >= bytesMax && this.#appends.length > 0)) await this.#appends[0]
  }
}
