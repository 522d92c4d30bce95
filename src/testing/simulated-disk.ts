/**
 * A simulated disk. What was written and synced stays; a write that was under way when its process died is there, or is
 * not, or in part. Stores stand on it as whole contents, whose commits are atomic, as LMDB's are.
 */
import { STORE_FILE } from '../storage/environment.ts'
import { MemoryEnvironment } from '../storage/memory-environment.ts'
import { below } from './random.ts'
import type { Life, World } from './world.ts'

export class SimulatedFile {
  bytes: Buffer = Buffer.alloc(0)
  /** The content of a store, where the file is one that is open or was. */
  store: MemoryEnvironment | null = null
  readonly identity: number

  constructor(identity: number) {
    this.identity = identity
  }

  /** The bytes as they are now. */
  read(): Buffer {
    return this.store === null ? this.bytes : Buffer.from(this.store.toBytes())
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    if (end > this.bytes.length) this.bytes = Buffer.concat([this.bytes, Buffer.alloc(end - this.bytes.length)])
    this.bytes.set(bytes, position)
  }
}

/** What Node throws where there is no such file. */
const missing = (path: string): Error => Object.assign(new Error(`ENOENT: no such file, '${path}'`), { code: 'ENOENT' })

export class SimulatedDisk {
  readonly #world: World
  readonly #files = new Map<string, SimulatedFile>()
  readonly #directories = new Set<string>()
  #made = 0
  /** Names in directories, as long as none comes or goes below them. */
  readonly #listed = new Map<string, string[]>()
  /** Writes fail while this is set. */
  isFull = false

  constructor(world: World) {
    this.#world = world
  }

  has(path: string): boolean {
    return this.#files.has(path) || this.isDirectory(path)
  }

  isDirectory(path: string): boolean {
    if (this.#files.has(path)) return false
    return this.#directories.has(path) || this.list(path).length > 0
  }

  makeDirectory(path: string): void {
    this.#directories.add(path)
    this.#comes(path)
  }

  file(path: string): SimulatedFile {
    const file = this.#files.get(path)
    if (file === undefined) throw missing(path)
    return file
  }

  create(path: string): SimulatedFile {
    const file = new SimulatedFile(++this.#made)
    if (!this.#files.has(path)) this.#comes(path)
    this.#files.set(path, file)
    return file
  }

  #comes(path: string): void {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
      this.#listed.delete(path.slice(0, end))
  }

  /** Paths of the files below a directory, sorted. */
  paths(directory: string): string[] {
    return [...this.#files.keys()].filter((path) => path.startsWith(`${directory}/`)).sort()
  }

  /** Names in a directory, sorted. */
  list(directory: string): readonly string[] {
    const known = this.#listed.get(directory)
    if (known !== undefined) return known
    const below = [...this.#files.keys(), ...this.#directories].filter((path) => path.startsWith(`${directory}/`))
    const names = [...new Set(below.map((path) => path.slice(directory.length + 1).split('/')[0]!))].sort()
    this.#listed.set(directory, names)
    return names
  }

  remove(path: string): void {
    this.#listed.clear()
    this.#files.delete(path)
    this.#directories.delete(path)
    for (const name of this.paths(path)) this.#files.delete(name)
    for (const name of this.#directories) if (name.startsWith(`${path}/`)) this.#directories.delete(name)
  }

  rename(from: string, to: string): void {
    if (!this.has(from)) throw missing(from)
    this.remove(to)
    const moved = (path: string) => to + path.slice(from.length)
    for (const [path, file] of [...this.#files]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      this.#files.delete(path)
      this.#files.set(moved(path), file)
    }
    for (const path of [...this.#directories]) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      this.#directories.delete(path)
      this.#directories.add(moved(path))
    }
  }

  /**
   * Writes after a delay; if the life ends before, what is left of it is random: all, nothing, or a piece.
   * @param apply writes this many of the bytes
   */
  write(life: Life, total: number, apply: (bytes: number) => void): Promise<void> {
    const { random } = this.#world
    let isDone = false
    const apart = () => {
      if (isDone) return
      isDone = true
      const kind = random()
      apply(kind < 0.3 ? 0 : kind < 0.6 ? total : below(random, total + 1))
    }
    life.onEnd(apart)
    return new Promise((resolve, reject) => {
      this.#world.schedule(random() * 3, life, () => {
        isDone = true
        if (this.isFull) {
          apply(below(random, total + 1))
          return reject(Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }))
        }
        apply(total)
        resolve()
      })
    })
  }

  /** The content of the store in a directory, made where there is none. @throws corruption `store` */
  storeAt(directory: string): MemoryEnvironment {
    const path = `${directory}/${STORE_FILE}`
    const file = this.#files.get(path) ?? this.create(path)
    if (file.store === null) {
      file.store =
        file.bytes.length === 0 ? new MemoryEnvironment() : MemoryEnvironment.fromBytes(file.bytes, directory)
    }
    return file.store
  }
}
