/**
 * The seam: everything that is not pure goes through these interfaces, so that the same log, tables, recovery and
 * supervision run on a real machine and under simulation. The real ones stand in `base/real`, `storage` and `actors`.
 */

/** Wall and monotonic time. Operators never see it; sources and supervision do. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Milliseconds from an arbitrary start, never backwards. */
  monotonic(): number
}

/** Turns of the event loop and timers. */
export interface Scheduler {
  /** Lets other work of this thread run. */
  turn(): Promise<void>
  /** Resolves after `ms`. The timer does not keep the process alive. */
  after(ms: number): Promise<void>
  /** Keeps the process alive until the returned function is called. */
  hold(): () => void
  /** Calls `tick` every `ms` until the returned function is called. */
  every(ms: number, tick: () => void): () => void
}

/** A file open for reading at any position. Reads are synchronous: they come from the page cache nearly always. */
export interface ReadableFile {
  /** Bytes read into `into` from `position`; fewer than asked for only at the end of the file. */
  read(position: number, into: Uint8Array): number
  size(): number
  close(): void
}

/** A file open for writing at any position. */
export interface DurableFile {
  /** Writes the chunks one after the other from `position`; resolves when they are on disk. */
  write(chunks: readonly Uint8Array[], position: number): Promise<void>
  close(): void
}

/** The file system. Every name is an absolute or working-directory path; failures keep Node's `code`. */
export interface Files {
  makeDirectory(path: string): void
  /** Names in a directory, sorted; empty where there is none. */
  list(path: string): string[]
  exists(path: string): boolean
  isDirectory(path: string): boolean
  size(path: string): number
  /** Differs when the file was replaced by another of the same name. */
  identity(path: string): string
  read(path: string): Uint8Array
  openRead(path: string): ReadableFile
  /** A new empty file whose name is durable; it grows by writes that are durable when they return. */
  createSegment(path: string): Promise<DurableFile>
  /** Opens (or creates) a file for writing, cut to `length` bytes. */
  openWrite(path: string, length: number): DurableFile
  /** Replaces a file at once: temporary, sync, rename, sync of the directory. */
  replace(path: string, content: Uint8Array | string): void
  /** A new file, there as a whole or not at all and durable when it resolves; its directory is made. Off the thread. */
  writeWhole(path: string, content: Uint8Array): Promise<void>
  /** Durable rename within one file system. */
  rename(from: string, to: string): void
  remove(path: string): void
  /** Between file URLs and paths. */
  url(path: string): URL
  path(url: URL): string
}

/** A held lock on a directory; others fail to take it while this process lives. */
export interface Lock {
  release(): void
}

/** Everything impure that a shard may use. */
export interface Seam {
  readonly clock: Clock
  readonly scheduler: Scheduler
  readonly files: Files
  /** A number in [0, 1). */
  readonly random: () => number
  /** A stop for tests: called at each named step of the protocol. Does nothing in production. */
  readonly crashPoint: (name: string, shard: string, epoch: number) => void
}
