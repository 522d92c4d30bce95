/**
 * Real files whose durable writes are held back: each can be read at once, as from the page cache, but takes a number of
 * steps to be durable, whatever the others do, and at a crash some of its sectors are on disk and some never were.
 * Nothing is synced, since no test outlives the machine.
 */
import fs from 'node:fs'
import { nodeFiles } from '../../../src/base/real/node-seam.ts'
import type { DurableFile, Files } from '../../../src/base/seam.ts'

const SECTOR = 32
const ZEROS = Buffer.alloc(SECTOR)

interface HeldWrite {
  readonly fd: number
  readonly length: number
  readonly position: number
  steps: number
  readonly done: () => void
  readonly fail: (error: Error) => void
}

export class HeldFiles {
  readonly files: Files
  readonly #random: () => number
  readonly #open = new Set<number>()
  #held: HeldWrite[] = []
  #isDead = false

  constructor(random: () => number) {
    this.#random = random
    this.files = {
      ...nodeFiles,
      createSegment: (path) => this.#create(path),
      openWrite: (path, length) => cut(path, length),
    }
  }

  /** Ends the writes that are due, in any order. */
  step(): void {
    for (const write of this.#held) write.steps--
    for (const write of this.#held) if (write.steps <= 0) write.done()
    this.#held = this.#held.filter(({ steps }) => steps > 0)
  }

  /** Tears what is held, and lets nobody write any more. */
  crash(): void {
    this.#isDead = true
    for (const { fd, length, position, fail } of this.#held) {
      // All, none, a beginning, or any sectors.
      const way = Math.floor(this.#random() * 4)
      const cut = this.#random() * length
      for (let at = 0; at < length; at += SECTOR) {
        const isKept = way === 0 || (way === 1 && at < cut) || (way === 2 && this.#random() < 0.9)
        if (!isKept) fs.writeSync(fd, ZEROS, 0, Math.min(SECTOR, length - at), position + at)
      }
      fail(new Error('the process has ended'))
    }
    this.#held = []
    this.close()
  }

  close(): void {
    for (const fd of this.#open) fs.closeSync(fd)
    this.#open.clear()
  }

  async #create(path: string): Promise<DurableFile> {
    if (this.#isDead) throw new Error('the process has ended')
    const fd = fs.openSync(path, 'wx+')
    this.#open.add(fd)
    const steps = () => 1 + Math.floor(this.#random() * 4)
    return {
      write: (chunks, position) =>
        new Promise((done, fail) => {
          if (this.#isDead) return fail(new Error('the process has ended'))
          const length = fs.writevSync(fd, chunks.slice(), position)
          this.#held.push({ fd, length, position, steps: steps(), done, fail })
        }),
      // Writes may still be under way: the descriptor stays.
      close() {},
    }
  }
}

/** Cuts a file, which the log does to one that it does not write to. */
function cut(path: string, length: number): DurableFile {
  fs.truncateSync(path, length)
  return {
    async write(chunks) {
      if (chunks.length > 0) throw new Error('written to a segment of an older life')
    },
    close() {},
  }
}
