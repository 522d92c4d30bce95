/**
 * What must hold of the disk when a run has ended, whatever happened: markers form a chain and what they consumed is
 * contiguous (i4), watermarks never go back (i6), every snapshot is whole and of the log's history (i12).
 */
import { type ShardId, shardFolder } from '../base/ids.ts'
import type { Files } from '../base/seam.ts'
import { embeddedLogs, type SeenLogs } from '../recovery/last-marker.ts'
import { decodeMarker, hashMarker, type Marker } from '../recovery/marker.ts'
import type { SnapshotBody } from '../recovery/shard-snapshots.ts'
import { DirectoryObjectStore } from '../storage/object-store.ts'
import { SnapshotStore } from '../storage/snapshot-store.ts'
import type { Plan } from '../topology/plan.ts'

export async function checkRun(
  files: Files,
  plan: Plan,
  directory: string,
  logs: SeenLogs = embeddedLogs(files, `${directory}/log`),
): Promise<string[]> {
  const problems: string[] = []
  for (const { id } of plan.shards) {
    try {
      const markers = await checkLog(logs, id, (problem) => problems.push(`${id}: ${problem}`))
      await checkSnapshots(files, `${directory}/snapshots`, id, markers, (problem) =>
        problems.push(`${id}: ${problem}`),
      )
    } catch (error) {
      problems.push(`${id}: ${(error as Error).message}`)
    }
  }
  return problems
}

type Say = (problem: string) => void

/** @returns hashes of the markers, by epoch */
async function checkLog({ log, ...logs }: SeenLogs, shard: ShardId, say: Say): Promise<Map<number, number>> {
  const end = logs.end(shard)
  const hashes = new Map<number, number>()
  let before: { marker: Marker; hash: number } | null = null
  for await (const { epoch, marker: bytes } of log.markers(shard, log.first(shard) + 1, end)) {
    const marker = decodeMarker(bytes)
    const hash = hashMarker(bytes)
    hashes.set(epoch, hash)
    if (marker.epoch !== epoch) say(`the marker of epoch ${epoch} says ${marker.epoch}`)
    if (before !== null) compare(before.marker, before.hash, marker, say)
    before = { marker, hash }
  }
  if (before !== null && !before.marker.isLast) say(`its last marker, of epoch ${end}, is not the last`)
  return hashes
}

function compare(before: Marker, hash: number, marker: Marker, say: Say): void {
  const at = `epoch ${marker.epoch}`
  if (marker.previous !== hash) say(`${at} breaks the chain of markers`)
  // Senders that came to be since stand at their beginning.
  const positions = marker.inbox.positions.map((_, s) => before.inbox.positions[s] ?? 0)
  for (const { sender, from, to } of marker.slices) {
    if (positions[sender] !== from || to <= from)
      say(`${at} consumed ${from} to ${to} of sender ${sender}, which stood at ${positions[sender]}`)
    positions[sender] = to
  }
  if (positions.join() !== marker.inbox.positions.join())
    say(`${at} stands at ${marker.inbox.positions}, its slices at ${positions}`)
  marker.inbox.watermarks.forEach((edges, s) =>
    edges.forEach((watermark, e) => {
      if (watermark < (before.inbox.watermarks[s]?.[e] ?? Number.NEGATIVE_INFINITY))
        say(`${at}: the watermark of sender ${s} went back`)
    }),
  )
}

async function checkSnapshots(
  files: Files,
  directory: string,
  shard: string,
  markers: ReadonlyMap<number, number>,
  say: Say,
): Promise<void> {
  for (const run of files.list(directory)) {
    const store = new SnapshotStore<SnapshotBody>(
      new DirectoryObjectStore(files, directory),
      `${run}/${shardFolder(shard)}`,
    )
    for (const number of await store.numbers()) {
      // One that was damaged is known to be so, and no longer counts.
      const manifest = await store.manifest(number).catch(() => null)
      if (manifest === null) continue
      const { epoch, marker } = manifest.body
      if (epoch !== number) say(`snapshot ${number} says it is of epoch ${epoch}`)
      if (markers.has(epoch) && markers.get(epoch) !== marker) say(`snapshot ${number} is of another history`)
    }
  }
}
