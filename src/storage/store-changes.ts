/** What has changed in a store since an earlier copy of it, in pieces, and how they are put on top of that copy. */
import { Packr } from 'msgpackr'
import { copyOf } from '../base/bytes.ts'
import type { KeysByTable } from './changed-keys.ts'
import type { Environment, StoreMeta, StoreView, Write } from './environment.ts'

const PIECE_BYTES = 256 << 10
const packr = new Packr({ useRecords: false, moreTypes: false })

type PackedWrite = readonly [table: string, key: Uint8Array, value: Uint8Array | null]

interface Piece {
  readonly meta: StoreMeta
  readonly writes: readonly PackedWrite[]
}

/** The values of keys in a view, as pieces of some 256 KB; always one at least, for what stands beside the tables. */
export function* changesOf(view: StoreView, meta: StoreMeta, keys: KeysByTable): Iterable<Uint8Array> {
  let [writes, bytes]: [PackedWrite[], number] = [[], 0]
  for (const [table, texts] of keys) {
    for (const text of texts) {
      const key = Buffer.from(text, 'latin1')
      const value = view.get(table, key)
      writes.push([table, key, value === undefined ? null : copyOf(value)])
      bytes += key.length + (value?.length ?? 0)
      if (bytes < PIECE_BYTES) continue
      yield packr.pack({ meta, writes } satisfies Piece)
      ;[writes, bytes] = [[], 0]
    }
  }
  yield packr.pack({ meta, writes } satisfies Piece)
}

/** Puts a piece on top of a copy. */
export async function applyChanges(copy: Environment, piece: Uint8Array): Promise<void> {
  const { meta, writes } = packr.unpack(piece) as Piece
  const version = copy.meta()?.version ?? 0
  await copy.commit(
    version,
    meta,
    writes.map(([table, key, value]): Write => ({ table, key, value })),
  )
}
