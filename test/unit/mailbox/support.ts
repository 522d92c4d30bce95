/** What the tests of the mailboxes share: logs on real files that are not synced, and damage done to them. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { EmbeddedLog } from '../../../src/mailbox/embedded-log.ts'
import type { LogWriter, OutgoingRecord } from '../../../src/mailbox/log.ts'
import { RECORD_START } from '../../../src/mailbox/segment.ts'
import { HeldFiles } from '../../conformance/mailbox/held-files.ts'
import { recordOf, textOf, textOfRead } from '../../conformance/mailbox/records.ts'

export const SENDER = 'stage/0'
export const SMALL = 4096

/** A log and its announcements; another one over the same directory is what a host sees after it has died. */
export class TestLog {
  /** In [0, 1): how many steps writes take from now on, of one to four. */
  slowness = 0
  readonly held = new HeldFiles(() => this.slowness)
  readonly directory: string
  readonly log: EmbeddedLog
  announced = -1

  constructor(directory: string, files = (held: HeldFiles) => held.files, segmentBytes = SMALL) {
    this.directory = directory
    this.log = new EmbeddedLog({
      files: files(this.held),
      directory,
      announced: () => this.announced,
      announce: (_, epoch) => this.announce(epoch),
      segmentBytes,
    })
  }

  announce(epoch: number): void {
    this.announced = Math.max(this.announced, epoch)
  }

  async claim(known = 0): Promise<LogWriter> {
    const writer = await this.log.claim(SENDER, { epoch: known, incarnation: 0 })
    this.announce(writer.end)
    return writer
  }

  /** Appends records one after the other, each durable before the next. */
  async write(writer: LogWriter, records: readonly OutgoingRecord[]): Promise<void> {
    for (const record of records) await this.writeAtOnce(writer, [record])
  }

  /** Appends records that are all in flight at once. */
  async writeAtOnce(writer: LogWriter, records: readonly OutgoingRecord[]): Promise<void> {
    let isOver = false
    const appends = Promise.all(records.map((record) => writer.append(record))).finally(() => (isOver = true))
    appends.catch(() => {})
    while (!isOver) {
      await turn()
      this.held.step()
    }
    await appends
  }

  async read(after = 0): Promise<string[]> {
    const reader = this.log.reader(SENDER, [1, 2], 0, after)
    const texts: string[] = []
    try {
      for (let record = await reader.next(); record !== null; record = await reader.next())
        texts.push(textOfRead(record)!)
    } finally {
      reader.close()
    }
    return texts
  }

  /** Names and contents of the segments. */
  segments(): Map<string, Buffer> {
    const folder = `${this.directory}/stage.0`
    return new Map(
      readdirSync(folder)
        .sort()
        .map((name) => [`${folder}/${name}`, readFileSync(`${folder}/${name}`)]),
    )
  }

  /** Puts segments as they were, with those of `changed` as they are there. */
  restore(segments: ReadonlyMap<string, Uint8Array>, changed: ReadonlyMap<string, Uint8Array> = new Map()): void {
    for (const path of this.segments().keys()) if (!segments.has(path)) this.held.files.remove(path)
    for (const [path, bytes] of segments) writeFileSync(path, changed.get(path) ?? bytes)
  }
}

/** A copy with some bytes replaced. */
export function replaced(bytes: Uint8Array, at: number, by: Uint8Array): Buffer {
  const copy = Buffer.from(bytes)
  copy.set(by, at)
  return copy
}

export const flipped = (bytes: Uint8Array, at: number): Buffer => replaced(bytes, at, Uint8Array.of(bytes[at]! ^ 1))

/** One frame: small enough to try every byte. */
export function small(epoch: number, tag = 'a') {
  const { frames, ...record } = recordOf(epoch, tag)
  return { ...record, frames: [{ ...frames[0]!, chunks: frames[0]!.chunks.slice(0, 1) }] }
}
export const textOfSmall = (epoch: number, tag = 'a') => textOf(epoch, tag, 0).split(', ').slice(0, 4).join(', ')
export const textsOfSmall = (count: number) => Array.from({ length: count }, (_, i) => textOfSmall(i + 1))
export const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** Where each record of a segment starts, and where the last one ends. */
export function placesOf(segment: Buffer): number[] {
  const places: number[] = []
  for (let at = segment.indexOf(RECORD_START); at >= 0; at = segment.indexOf(RECORD_START, at + 1)) places.push(at)
  const last = places.at(-1)!
  return [...places, last + segment.readUInt32LE(last + 8)]
}

/** A log of small records that has ended, and its segments as they were left. */
export async function ended(t: Test, count: number, segmentBytes = SMALL) {
  const made = new TestLog(t.testdir(), undefined, segmentBytes)
  await made.write(
    await made.claim(),
    range(1, count).map((epoch) => small(epoch)),
  )
  return { log: made, segments: made.segments(), first: [...made.segments().keys()][0]! }
}
