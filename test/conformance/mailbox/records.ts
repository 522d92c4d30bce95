/**
 * Records that can be told apart, and chance from a seed. What a record holds follows from its epoch and its tag, which
 * says who wrote it, so that a test can say what must be read without having kept it.
 */

import type { IncomingRecord, MailboxLog, OutgoingRecord } from '../../../src/mailbox/log.ts'
import { checkFrame, decodeFrame, frameBytes } from '../../../src/records/frame-decoder.ts'
import { encodeFrame } from '../../../src/records/frame-encoder.ts'
import { eventTime, schema, string } from '../../../src/records/schema.ts'
import { batchOf } from '../../unit/operators/support.ts'

export const EDGES = [1, 2]
export const PARTITIONS = 3
const Row = schema({ at: eventTime(), tag: string(), place: string() })

/** Numbers in [0, 1) that a seed repeats (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The seed of a run: `SEED=` repeats one. */
export const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1e9))

const routingText = (epoch: number, layout: number, isRetired: boolean): string =>
  `${epoch}${isRetired ? ' retired' : ''} in layout ${layout}`

/** Two frames for each edge and partition. */
export function recordOf(epoch: number, tag: string): OutgoingRecord {
  const frames = EDGES.flatMap((edge) =>
    Array.from({ length: PARTITIONS }, (_, partition) => ({
      edge,
      partition,
      chunks: ['a', 'b'].map((part) =>
        encodeFrame(batchOf(Row, [{ row: { at: epoch, tag, place: `${edge}.${partition}${part}` } }])),
      ),
    })),
  )
  const watermarks = EDGES.map((edge) => ({ edge, watermark: epoch * 10 + edge }))
  return {
    epoch,
    layout: epoch % 3,
    isRetired: epoch % 5 === 0,
    watermarks,
    frames,
    marker: Buffer.from(`${tag} ${epoch}`),
  }
}

/** What a receiver of some edges must read of `recordOf(epoch, tag)`, as text. */
export function textOf(epoch: number, tag: string, partition: number, edges: readonly number[] = EDGES): string {
  const rows = edges.flatMap((edge) => ['a', 'b'].map((part) => `${epoch} ${tag} ${edge}.${partition}${part}`))
  return [
    routingText(epoch, epoch % 3, epoch % 5 === 0),
    ...edges.map((edge) => `${edge}@${epoch * 10 + edge}`),
    ...rows,
  ].join(', ')
}

/** What was read, as text. @throws corruption `frame` when a frame is damaged */
export function textOfRead(record: IncomingRecord | null): string | null {
  if (record === null) return null
  const rows: string[] = []
  for (const { bytes } of record.frames) {
    for (let at = 0; at < bytes.length; at += frameBytes(bytes, at)) {
      const frame = bytes.subarray(at, at + frameBytes(bytes, at))
      checkFrame(frame)
      for (const row of decodeFrame(frame, batchOf(Row, []).schema).rows())
        rows.push(`${row.at} ${row.tag} ${row.place}`)
    }
  }
  const watermarks = record.watermarks.map(({ edge, watermark }) => `${edge}@${watermark}`)
  return [routingText(record.epoch, record.layout, record.isRetired), ...watermarks, ...rows].join(', ')
}

/** The markers of epochs `from` to `to`, as text. */
export async function markersOf(log: MailboxLog, sender: string, from: number, to: number): Promise<string[]> {
  const found: string[] = []
  for await (const { epoch, marker } of log.markers(sender, from, to)) found.push(`${epoch}: ${Buffer.from(marker)}`)
  return found
}

export const markerText = (epoch: number, tag: string): string => `${epoch}: ${tag} ${epoch}`
