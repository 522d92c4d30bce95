/**
 * Snapshots of one file (a store's copy) in an object store. The file is cut into chunks of equal size, each an object
 * named by the SHA-256 of its bytes, so that only chunks which are new are copied. The manifest that lists them is
 * written last: a snapshot is there when its manifest is. Chunks that no manifest names are collected.
 *
 *   <prefix>/manifests/<number>.json   what the manifest says, and the hash of that     <prefix>/chunks/<hash>
 */
import { createHash } from 'node:crypto'
import { corruptionError, UmbelError } from '../base/errors.ts'
import type { ReadableFile } from '../base/seam.ts'
import type { ObjectStore } from './object-store.ts'

const SNAPSHOT_LAYOUT = 1
const CHUNK_BYTES = 256 << 10
/** Chunks on their way at once. */
const PUTS_MAX = 4

/** What a snapshot consists of. */
export interface Manifest<B> {
  readonly layout: number
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly takenAt: number
  readonly bytes: number
  /** Names of the chunks, in order. */
  readonly chunks: readonly string[]
  /** The caller's own plain data. */
  readonly body: B
}

export interface WrittenSnapshot {
  readonly bytes: number
  /** Bytes of chunks that were not there before. */
  readonly copied: number
}

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

export class SnapshotStore<B> {
  readonly #objects: ObjectStore
  readonly #prefix: string

  constructor(objects: ObjectStore, prefix: string) {
    this.#objects = objects
    this.#prefix = prefix
  }

  /** Numbers of the snapshots, ascending. */
  async numbers(): Promise<number[]> {
    const names = await this.#objects.list(`${this.#prefix}/manifests/`)
    return names.map((name) => Number.parseInt(name.slice(name.lastIndexOf('/') + 1), 10)).sort((a, b) => a - b)
  }

  /** @throws corruption `snapshot` when it is missing or is not what was written */
  async manifest(number: number): Promise<Manifest<B>> {
    const name = this.#manifestName(number)
    const bytes = await this.#objects.get(name)
    const [text = '', hash] = Buffer.from(bytes ?? [])
      .toString()
      .split('\n')
    if (sha256(text) !== hash) {
      throw corruptionError('snapshot', `${this.#objects.place}/${name} is ${bytes === undefined ? 'gone' : 'damaged'}`)
    }
    const manifest = JSON.parse(text) as Manifest<B>
    if (manifest.layout !== SNAPSHOT_LAYOUT) {
      throw corruptionError('snapshot', `snapshot layout ${manifest.layout} is not ${SNAPSHOT_LAYOUT}`)
    }
    return manifest
  }

  /**
   * Makes a snapshot of a file.
   * @param pause called between chunks, so that the thread's other work goes on
   */
  async write(
    snapshot: { number: number; takenAt: number; body: B },
    file: ReadableFile,
    pause: () => Promise<void>,
  ): Promise<WrittenSnapshot> {
    const known = new Set(await this.#chunks())
    const chunks: string[] = []
    const puts = new Set<Promise<void>>()
    let failure: unknown = null
    const settle = async (left: number) => {
      while (puts.size > left) await Promise.race(puts)
      if (failure !== null) throw failure
    }
    const bytes = file.size()
    let copied = 0
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes - at))
      file.read(at, chunk)
      const hash = sha256(chunk)
      chunks.push(hash)
      if (!known.has(hash)) {
        known.add(hash)
        copied += chunk.length
        const put = this.#objects
          .put(this.#chunkName(hash), chunk)
          .catch((error: unknown) => {
            failure ??= error
          })
          .finally(() => puts.delete(put))
        puts.add(put)
        await settle(PUTS_MAX - 1)
      }
      await pause()
    }
    await settle(0)
    const text = JSON.stringify({ layout: SNAPSHOT_LAYOUT, ...snapshot, bytes, chunks } satisfies Manifest<B>)
    await this.#objects.put(this.#manifestName(snapshot.number), Buffer.from(`${text}\n${sha256(text)}\n`))
    return { bytes, copied }
  }

  /**
   * The bytes of a snapshot, in order. A damaged chunk is removed, so that the next snapshot writes it anew.
   * @throws corruption `snapshot` when a chunk is missing or damaged
   */
  async *read({ chunks }: Manifest<B>): AsyncGenerator<Uint8Array> {
    for (const hash of chunks) {
      const name = this.#chunkName(hash)
      const bytes = await this.#objects.get(name)
      const place = `${this.#objects.place}/${name}`
      if (bytes === undefined) throw corruptionError('snapshot', `${place} is gone`)
      if (sha256(bytes) !== hash) {
        await this.#objects.remove(name)
        throw corruptionError('snapshot', `${place} was damaged`)
      }
      yield bytes
    }
  }

  /** What is wrong with a snapshot, or null where every chunk of it is as it was written. */
  async problem(number: number): Promise<string | null> {
    try {
      for await (const _ of this.read(await this.manifest(number))) void _
      return null
    } catch (error) {
      if (error instanceof UmbelError) return error.message
      throw error
    }
  }

  /**
   * Lets go of all snapshots but the newest `keep`, and of chunks that none of these names. A manifest that cannot be
   * read goes too. Nothing may be written meanwhile.
   * @returns the manifests that stay, oldest first
   */
  async collect(keep: number): Promise<Manifest<B>[]> {
    const kept: Manifest<B>[] = []
    for (const number of (await this.numbers()).toReversed()) {
      const manifest = kept.length < keep ? await this.#manifestOrNull(number) : null
      if (manifest === null) await this.#objects.remove(this.#manifestName(number))
      else kept.unshift(manifest)
    }
    const named = new Set(kept.flatMap(({ chunks }) => chunks))
    for (const hash of await this.#chunks()) if (!named.has(hash)) await this.#objects.remove(this.#chunkName(hash))
    return kept
  }

  async #manifestOrNull(number: number): Promise<Manifest<B> | null> {
    try {
      return await this.manifest(number)
    } catch (error) {
      if (error instanceof UmbelError) return null
      throw error
    }
  }

  /** Hashes of the chunks that are there. */
  async #chunks(): Promise<string[]> {
    const names = await this.#objects.list(`${this.#prefix}/chunks/`)
    return names.map((name) => name.slice(name.lastIndexOf('/') + 1))
  }

  #manifestName(number: number): string {
    return `${this.#prefix}/manifests/${String(number).padStart(16, '0')}.json`
  }

  #chunkName(hash: string): string {
    return `${this.#prefix}/chunks/${hash}`
  }
}
