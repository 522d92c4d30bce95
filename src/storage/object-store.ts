/**
 * Where snapshots go: whole objects under names, as object stores have them, so that another one can stand in for the
 * directory. An object is there as a whole or not at all, and durable when `put` resolves. Names are parts of letters,
 * digits and `-._`, joined by `/`.
 */
import type { Files } from '../base/seam.ts'

export interface ObjectStore {
  put(name: string, bytes: Uint8Array): Promise<void>
  /** Undefined where there is no such object. */
  get(name: string): Promise<Uint8Array | undefined>
  /** Names that begin with `prefix`, which ends in `/`, and have no further `/`; sorted. */
  list(prefix: string): Promise<string[]>
  remove(name: string): Promise<void>
  /** For messages: where a person finds it. */
  readonly place: string
}

/** Objects as files below a directory. */
export class DirectoryObjectStore implements ObjectStore {
  readonly place: string
  readonly #files: Files

  constructor(files: Files, directory: string) {
    this.#files = files
    this.place = directory
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    await this.#files.writeWhole(this.#path(name), bytes)
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    const path = this.#path(name)
    return this.#files.exists(path) ? this.#files.read(path) : undefined
  }

  async list(prefix: string): Promise<string[]> {
    const directory = this.#path(prefix.slice(0, -1))
    const names = this.#files.list(directory).filter((name) => !name.endsWith('.tmp'))
    return names.filter((name) => !this.#files.isDirectory(`${directory}/${name}`)).map((name) => prefix + name)
  }

  async remove(name: string): Promise<void> {
    this.#files.remove(this.#path(name))
  }

  #path(name: string): string {
    return `${this.place}/${name}`
  }
}
