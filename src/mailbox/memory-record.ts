/** A record as the logs in memory keep it. */
import type { OutgoingRecord } from './log.ts'

/** A record whose bytes are its own: each block of frames is whole. */
export interface MemoryRecord extends Omit<OutgoingRecord, 'frames'> {
  readonly frames: readonly { readonly edge: number; readonly partition: number; readonly bytes: Uint8Array }[]
}

export function copyRecord({ watermarks, frames, marker, ...rest }: OutgoingRecord): MemoryRecord {
  const blocks = frames.map(({ edge, partition, chunks }) => ({
    edge,
    partition,
    bytes: Uint8Array.from(Buffer.concat(chunks)),
  }))
  return { ...rest, watermarks: watermarks.map((one) => ({ ...one })), frames: blocks, marker: Uint8Array.from(marker) }
}
