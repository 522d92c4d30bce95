/** The seam on a real machine: Node's clock, timers and files. */
import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as timeout } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Clock, DurableFile, Files, ReadableFile, Scheduler, Seam } from '../seam.ts'
import { isDirectory, makeDirectory } from './make-directory.ts'

export const nodeClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() }

export const nodeScheduler: Scheduler = {
  turn: () => new Promise((resolve) => setImmediate(resolve)),
  after: (ms) => timeout(ms, undefined, { ref: false }),
  hold() {
    const timer = setInterval(() => {}, 2 ** 30)
    return () => clearInterval(timer)
  },
  every(ms, tick) {
    const timer = setInterval(tick, ms)
    timer.unref()
    return () => clearInterval(timer)
  },
}

async function syncDirectoryLater(directory: string): Promise<void> {
  const handle = await fs.promises.open(directory, 'r')
  await handle.sync().finally(() => handle.close())
}

function syncDirectory(directory: string): void {
  const fd = fs.openSync(directory, 'r')
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

class NodeReadableFile implements ReadableFile {
  readonly #fd: number
  constructor(fd: number) {
    this.#fd = fd
  }
  read(position: number, into: Uint8Array): number {
    let done = 0
    while (done < into.length) {
      const count = fs.readSync(this.#fd, into, done, into.length - done, position + done)
      if (count === 0) break
      done += count
    }
    return done
  }
  size(): number {
    return fs.fstatSync(this.#fd).size
  }
  close(): void {
    fs.closeSync(this.#fd)
  }
}

/** `dsync` descriptors are durable when the write returns; the others are synced after each write. */
class NodeDurableFile implements DurableFile {
  readonly #fd: number
  readonly #dsync: boolean
  #open = true
  #busy = 0

  constructor(fd: number, dsync: boolean) {
    this.#fd = fd
    this.#dsync = dsync
  }

  async write(chunks: readonly Uint8Array[], position: number): Promise<void> {
    this.#busy++
    try {
      await this.#writeAll(chunks.slice(), position)
      if (!this.#dsync) await new Promise<void>((done, fail) => fs.fdatasync(this.#fd, (e) => (e ? fail(e) : done())))
    } finally {
      this.#busy--
      if (!this.#open && this.#busy === 0) fs.closeSync(this.#fd)
    }
  }

  async #writeAll(chunks: Uint8Array[], position: number): Promise<void> {
    let at = position
    while (chunks.length > 0) {
      const written = await new Promise<number>((done, fail) =>
        fs.writev(this.#fd, chunks.slice(0, 512), at, (e, n) => (e ? fail(e) : done(n))),
      )
      at += written
      let left = written
      while (left > 0 && left >= chunks[0]!.length) left -= chunks.shift()!.length
      while (chunks.length > 0 && chunks[0]!.length === 0) chunks.shift()
      if (left > 0) chunks[0] = chunks[0]!.subarray(left)
    }
  }

  /** Waits for writes under way: a descriptor must not be reused while the thread pool still writes to it. */
  close(): void {
    if (!this.#open) return
    this.#open = false
    if (this.#busy === 0) fs.closeSync(this.#fd)
  }
}

export const nodeFiles: Files = {
  makeDirectory,
  list: (directory) => (fs.existsSync(directory) ? fs.readdirSync(directory).sort() : []),
  exists: (file) => fs.existsSync(file),
  isDirectory,
  size: (file) => fs.statSync(file).size,
  identity(file) {
    const { dev, ino, birthtimeMs } = fs.statSync(file)
    return `${dev}.${ino}.${birthtimeMs}`
  },
  read: (file) => fs.readFileSync(file),
  openRead: (file) => new NodeReadableFile(fs.openSync(file, 'r')),
  async createSegment(file) {
    const handle = await fs.promises.open(file, 'wx')
    await handle.close()
    // Other shards of the thread go on meanwhile.
    await syncDirectoryLater(path.dirname(file))
    return new NodeDurableFile(fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_DSYNC), true)
  },
  openWrite(file, length) {
    makeDirectory(path.dirname(file))
    const fd = fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_CREAT)
    if (fs.fstatSync(fd).size > length) fs.ftruncateSync(fd, length)
    return new NodeDurableFile(fd, false)
  },
  replace(file, content) {
    makeDirectory(path.dirname(file))
    const temporary = `${file}.tmp`
    const fd = fs.openSync(temporary, 'w')
    try {
      fs.writeFileSync(fd, content)
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(temporary, file)
    syncDirectory(path.dirname(file))
  },
  async writeWhole(file, content) {
    const directory = path.dirname(file)
    makeDirectory(directory)
    const temporary = `${file}.tmp`
    await fs.promises.writeFile(temporary, content, { flush: true })
    await fs.promises.rename(temporary, file)
    await syncDirectoryLater(directory)
  },
  rename(from, to) {
    fs.renameSync(from, to)
    syncDirectory(path.dirname(to))
  },
  remove: (file) => fs.rmSync(file, { recursive: true, force: true }),
  url: (file) => pathToFileURL(path.resolve(file)),
  path: (url) => fileURLToPath(url),
}

/** The seam of a production process. */
export const nodeSeam: Seam = {
  clock: nodeClock,
  scheduler: nodeScheduler,
  files: nodeFiles,
  random: Math.random,
  crashPoint: () => {},
}
