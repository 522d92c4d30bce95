/**
 * Snapshots of one file (a store's copy) in an object store. The file is cut into chunks of equal size, each an object
 * named by the SHA-256 of its bytes, so that only chunks which are new are copied. A snapshot may also be an earlier one
 * and pieces of what has changed since, which are chunks too. The manifest that lists them is written last: a snapshot is
 * there when its manifest is, and needs no other. Chunks that no manifest names are collected.
 *
 *   <prefix>/manifests/<number>.json   what the manifest says, and the hash of that     <prefix>/chunks/<hash>
 */
import { corruptionError, UmbelError } from '../base/errors.ts'
import type { ReadableFile } from '../base/seam.ts'
import { ChunkWriter, sha256 } from './chunk-writer.ts'
import type { ObjectStore } from './object-store.ts'

const SNAPSHOT_LAYOUT = 2
const CHUNK_BYTES = 256 << 10

/** What a snapshot is of. */
export interface SnapshotOf<B> {
  readonly number: number
  /** Milliseconds since the epoch. */
  readonly takenAt: number
  /** The caller's own plain data. */
  readonly body: B
}

/** What a snapshot consists of. */
export interface Manifest<B> extends SnapshotOf<B> {
  readonly layout: number
  /** Of all its chunks. */
  readonly bytes: number
  /** Names of the chunks of the file, in order. */
  readonly chunks: readonly string[]
  /** Names of the pieces that go on top of it, in order. */
  readonly changes: readonly string[]
}

export interface WrittenSnapshot<B> {
  readonly manifest: Manifest<B>
  /** Bytes of chunks that were not there before. */
  readonly copied: number
}

/** Called between chunks, so that the thread's other work goes on. */
type Pause = () => Promise<void>

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

  /** Makes a snapshot of a file. */
  async write(snapshot: SnapshotOf<B>, file: ReadableFile, pause: Pause): Promise<WrittenSnapshot<B>> {
    const writer = this.#writer(await this.#chunks())
    const bytes = file.size()
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, bytes - at))
      file.read(at, chunk)
      await writer.put(chunk)
      await pause()
    }
    return this.#conclude(writer, { ...snapshot, bytes, chunks: writer.chunks, changes: [] })
  }

  /**
   * Makes a snapshot of an earlier one and what has changed since.
   * @returns null where not all of the earlier one is there any more
   */
  async extend(
    earlier: Manifest<B>,
    snapshot: SnapshotOf<B>,
    changes: Iterable<Uint8Array>,
    pause: Pause,
  ): Promise<WrittenSnapshot<B> | null> {
    const known = new Set(await this.#chunks())
    if ([...earlier.chunks, ...earlier.changes].some((hash) => !known.has(hash))) return null
    const writer = this.#writer(known)
    for (const piece of changes) {
      await writer.put(piece)
      await pause()
    }
    const all = [...earlier.changes, ...writer.chunks]
    return this.#conclude(writer, {
      ...snapshot,
      bytes: earlier.bytes + writer.bytes,
      chunks: earlier.chunks,
      changes: all,
    })
  }

  #writer(known: Iterable<string>): ChunkWriter {
    return new ChunkWriter(this.#objects, (hash) => this.#chunkName(hash), known)
  }

  /** The manifest comes when every chunk is there. */
  async #conclude(writer: ChunkWriter, content: Omit<Manifest<B>, 'layout'>): Promise<WrittenSnapshot<B>> {
    await writer.end()
    const manifest: Manifest<B> = { layout: SNAPSHOT_LAYOUT, ...content }
    const text = JSON.stringify(manifest)
    await this.#objects.put(this.#manifestName(manifest.number), Buffer.from(`${text}\n${sha256(text)}\n`))
    return { manifest, copied: writer.copied }
  }

  /**
   * The bytes of chunks, in order. A damaged one is removed, so that the next snapshot writes it anew.
   * @throws corruption `snapshot` when a chunk is missing or damaged
   */
  async *read(chunks: readonly string[]): AsyncGenerator<Uint8Array> {
    for (const hash of chunks) {
      const name = this.#chunkName(hash)
      const bytes = await this.#objects.get(name)
      const place = `${this.#objects.place}/${name}`
      if (bytes === undefined) throw corruptionError('snapshot', `${place} is gone`)
      if (sha256(bytes) !== hash) {
        await this.#objects.remove(name)
        throw corruptionError('snapshot', `${place} was damaged, and is removed: the next snapshot writes it anew`)
      }
      yield bytes
    }
  }

  /** What is wrong with a snapshot, or null where every chunk of it is as it was written. */
  async problem(number: number): Promise<string | null> {
    try {
      const { chunks, changes } = await this.manifest(number)
      for await (const _ of this.read([...chunks, ...changes])) void _
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
    const named = new Set(kept.flatMap(({ chunks, changes }) => [...chunks, ...changes]))
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
