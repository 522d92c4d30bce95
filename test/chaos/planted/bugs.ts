/** Bugs that the chaos suite must notice: one for each of the fences and checks that a recovery stands on. */
import { type Change, OPEN_OUTBOX } from '../../planted-build.ts'

interface Planted {
  readonly name: string
  /** Where it shows soonest. */
  readonly job: string
  /** Faults of these kinds alone. */
  readonly kinds?: string
  readonly changes: readonly Change[]
}

/** A host that stands still is followed before it is dead, and wakes up later. */
const NOT_ENDED: Change = {
  file: 'actors/supervisor.js',
  from: "this.#hosts[host].kill('SIGKILL');",
  to: "this.#onExit(host, null, 'SIGKILL');",
}

export const planted: readonly Planted[] = [
  { name: 'fencing: a host is followed before it is dead', job: 'stateless', kinds: 'stop-host', changes: [NOT_ENDED] },
  {
    name: 'conditional commit: a host is followed before it is dead, and stores over its successor',
    job: 'keyed-window',
    kinds: 'stop-host',
    changes: [
      NOT_ENDED,
      {
        file: 'storage/lmdb-environment.js',
        from: 'metaTable.ifVersion(META_KEY, expected, write)',
        to: 'metaTable.batch(write)',
      },
    ],
  },
  {
    name: 'marker: a store is written before the marker is durable',
    job: 'keyed-window',
    changes: [{ file: 'recovery/store-cycle.js', from: 'await durable;', to: '' }],
  },
  {
    name: 'closed outbox: what a replay says is said once more',
    job: 'as-of-join',
    changes: OPEN_OUTBOX,
  },
  {
    name: 'sequence check: a shard that comes back reads its last input once more',
    job: 'stateless',
    changes: [
      {
        file: 'mailbox/senders.js',
        from: 'this.seek(sender, state.positions[s] ?? 0);',
        to: 'this.seek(sender, Math.max(0, (state.positions[s] ?? 0) - 1));',
      },
    ],
  },
  {
    name: 'orders of dead letters: a shard that comes back carries out once more what it has',
    job: 'letters',
    kinds: 'retry-letters',
    changes: [{ file: 'mailbox/inbox.js', from: 'this.retried = state.retried;', to: '' }],
  },
]
