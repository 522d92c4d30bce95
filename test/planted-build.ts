/** Builds with a bug planted in them: a change of a built file, to see whether a suite notices. */
import fs from 'node:fs'
import path from 'node:path'
import type { Test } from 'tap'

const root = path.resolve(import.meta.dirname, '..')

/** `from` must be in the file exactly once, so that a bug which cannot be planted any more fails its test. */
export interface Change {
  readonly file: string
  readonly from: string
  readonly to: string
}

/** What a replay puts out stays in the outbox, and is said once more by the first epoch behind it. */
export const OPEN_OUTBOX: readonly [Change, ...Change[]] = [
  {
    file: 'mailbox/outbox.js',
    from: 'this.discard();\n        return sealed;',
    to: 'if (this.isReplay !== true)\n            this.discard();\n        return sealed;',
  },
  {
    file: 'recovery/replay.js',
    from: 'journal.startReplay(marker.journal);',
    to: 'outbox.isReplay = true;\n        journal.startReplay(marker.journal);',
  },
  {
    file: 'recovery/replay.js',
    from: 'return { markerHash, last, replayed',
    to: 'outbox.isReplay = false;\n    return { markerHash, last, replayed',
  },
]

/**
 * A copy of dist with these changes.
 * @param name of its folder; below the root, so that packages are found, where Git ignores it
 */
export function buildWith(t: Test, name: string, changes: readonly Change[]): string {
  const dist = path.join(root, 'out', name)
  fs.rmSync(dist, { recursive: true, force: true })
  t.teardown(() => fs.rmSync(dist, { recursive: true, force: true }))
  fs.cpSync(path.join(root, 'dist'), dist, { recursive: true })
  for (const change of changes) {
    const file = path.join(dist, change.file)
    const built = fs.readFileSync(file, 'utf8')
    t.equal(built.split(change.from).length, 2, `${change.file} has it once: ${change.from}`)
    fs.writeFileSync(file, built.replace(change.from, change.to))
  }
  return dist
}
