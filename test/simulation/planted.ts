/** Bugs to plant, which the simulation must notice. */
import { OPEN_OUTBOX } from '../planted-build.ts'
import type { Planted } from '../planted-run.ts'

interface PlantedHere extends Planted {
  /** Where one topology alone shows it. */
  readonly scenario?: string
  /** Where the search begins: near a seed that has shown it, so that it does not take long. */
  readonly firstSeed?: number
}

export const planted: readonly PlantedHere[] = [
  {
    name: 'the store is written before the marker is durable',
    file: 'recovery/store-cycle.js',
    from: 'await durable;',
    to: '',
  },
  {
    name: 'an epoch is announced before it is durable',
    file: 'mailbox/embedded-writer.js',
    from: 'await durable;\n        this.#durableEpoch',
    to: 'this.#announce(record.epoch);\n        await durable;\n        this.#durableEpoch',
  },
  {
    name: 'an epoch is left out of the replay',
    file: 'recovery/replay.js',
    from: 'from.epoch + 1, end)',
    to: 'from.epoch + 2, end)',
  },
  {
    name: 'a replay goes by the limits of its own start',
    firstSeed: 7050,
    file: 'recovery/replay.js',
    from: 'limits.shape(marker.shape);',
    to: '',
  },
  {
    name: 'a row is blamed that ends its shard in company alone',
    scenario: 'leak on one host',
    file: 'actors/poison-search.js',
    from: 'const isCause = this.#isSingle && this.#rows <= 1 && calls <= COMPANY_MAX;',
    to: 'const isCause = true;',
  },
  {
    name: 'the outbox is open in a replay: what it says is said once more',
    ...OPEN_OUTBOX[0],
    more: OPEN_OUTBOX.slice(1),
  },
  {
    name: 'an idle split is not idle',
    scenario: 'idle on one host',
    file: 'actors/split.js',
    from: "this.#machine.send({ type: 'IDLE' });",
    to: ';',
  },
  {
    name: 'a producer is used again after a commit that timed out, on Kafka',
    scenario: 'windows on Kafka',
    file: 'testing/broker-log.js',
    from: 'broker.append(this.#sender, this.incarnation, record, life)',
    to: "broker.append(this.#sender, this.incarnation, record, life).catch((e) => { if (e.code !== 'timeout') throw e; return 0; })",
  },
  {
    name: 'a store comes back with positions one too far',
    file: 'mailbox/senders.js',
    from: 'this.seek(sender, state.positions[s] ?? 0);',
    to: 'this.seek(sender, (state.positions[s] ?? -1) + 1);',
  },
  {
    name: 'watermarks are forgotten when a shard comes back',
    file: 'mailbox/senders.js',
    from: 'sender.edges.forEach((edge, e) => sender.watermarks.set(edge, watermarks?.[e] ?? Number.NEGATIVE_INFINITY));',
    to: '',
  },
  {
    name: 'a record whose frames are torn counts as whole',
    file: 'mailbox/segment-chain.js',
    from: 'return withFrames && !framesAreWhole(file, position, record) ? null : record;',
    to: 'return record;',
  },
  {
    name: 'a torn tail is not cut off',
    firstSeed: 18,
    file: 'mailbox/embedded-log.js',
    from: 'await this.#cut(tail);',
    to: '',
  },
  {
    name: 'a source starts anew from its first row',
    file: 'actors/source-program.js',
    from: 'known?.position ?? null',
    to: 'null',
  },
  {
    name: 'a sink goes on at the end of its file, whatever was committed',
    file: 'actors/append-sink-program.js',
    from: 'this.#file = files.openWrite(this.#partial, state.bytes);',
    to: 'this.#bytes = found;\n        this.#file = files.openWrite(this.#partial, found);',
  },
  {
    name: 'a log is trimmed without asking its receivers',
    file: 'recovery/log-trim.js',
    from: ', ...layout.receivers.map((receiver) => board.retained(receiver, cell) + 1)',
    to: '',
  },
  {
    name: 'a log is trimmed below the newest snapshot and not the oldest',
    file: 'recovery/log-trim.js',
    from: 'const own = board.retained(cell, cell);',
    to: 'const own = board.announced(cell);',
  },
  {
    name: 'a snapshot of changes leaves out what was removed',
    firstSeed: 35,
    file: 'storage/store-changes.js',
    from: 'const value = view.get(table, key);',
    to: 'const value = view.get(table, key);\n            if (value === undefined) continue;',
  },
  {
    name: 'what has changed since the last snapshot is forgotten',
    firstSeed: 17,
    file: 'recovery/snapshot-cycle.js',
    from: 'this.#snapshots.take(this.#store.environment, this.#changed)',
    to: '(this.#changed.take(), this.#snapshots.take(this.#store.environment, this.#changed))',
  },
  {
    name: 'how far a window was emitted is not stored',
    file: 'operators/window-aggregate.js',
    from: 'this.#progress.save();',
    to: '',
  },
  {
    name: 'what a late row corrects is not taken back',
    file: 'operators/window-output.js',
    from: 'this.#emitPicked(end, keys, said, keyText, retracted, -1);',
    to: '',
  },
  {
    name: 'a replay is given new random numbers',
    firstSeed: 12,
    file: 'recovery/journal.js',
    from: 'this.#replay = [...entries];',
    to: 'this.#replay = null;',
  },
  {
    name: 'rows that an epoch has no room for are lost',
    file: 'operators/held-rows.js',
    from: 'const position = left ?? { time: cut, origin: NO_ORIGIN };',
    to: 'const position = { time: cut, origin: NO_ORIGIN };',
  },
  {
    name: 'a shard ends while something is due',
    file: 'recovery/epoch-driver.js',
    from: '(isOver && processed.isCaughtUp)',
    to: 'isOver',
  },
  {
    name: 'a finished shard leaves its backlog behind',
    file: 'recovery/epoch-driver.js',
    from: 'await this.#outlast();',
    to: '',
  },
  {
    name: 'a host is replaced before it is dead',
    firstSeed: 78,
    file: 'actors/supervisor.js',
    from: "this.#hosts[host].kill('SIGKILL');",
    to: "this.#onExit(host, null, 'SIGKILL');",
  },
  {
    name: 'a shard begins without the state of those that it follows',
    firstSeed: 30,
    file: 'recovery/inherit.js',
    from: 'await program.inherit(tables, layout.owns, room);',
    to: '',
  },
  {
    name: 'a shard takes over keys of others',
    firstSeed: 30,
    file: 'operators/owned-keys.js',
    from: 'this.#owns(hashes[row])',
    to: 'true',
  },
  {
    name: 'a shard begins at the start of what those before it have read',
    file: 'recovery/inherit.js',
    from: 'await store.seal({ ...EMPTY, inbox: agreedInbox(endsOf(layout.predecessors, states)) })();',
    to: 'await store.seal({ ...EMPTY, inbox: partial.inbox })();',
  },
  {
    name: 'output is cut in another way before it is said',
    file: 'recovery/output-cut.js',
    from: 'this.#said = this.#next;\n        return this.#said;',
    to: 'const said = this.#said;\n        this.#said = this.#next;\n        return said;',
  },
  {
    name: 'a shard hands over before all that send to it have turned',
    firstSeed: 74,
    file: 'mailbox/senders.js',
    from: 'currentOf(feed).every((sender) => sender.hasSwitched',
    to: 'currentOf(feed).some((sender) => sender.hasSwitched',
  },
  {
    name: 'a split of a source begins anew in the shard that takes it over',
    file: 'actors/source-program.js',
    from: 'return { splits, rows: 0, late: 0, rejected: 0 };',
    to: 'return { splits: {}, rows: 0, late: 0, rejected: 0 };',
  },
  {
    name: 'a dead letter that was retried is not in the marker',
    scenario: 'letters on two hosts',
    file: 'recovery/epoch-driver.js',
    from: 'retry,\n            program: markerState',
    to: 'retry: null,\n            program: markerState',
  },
  {
    name: 'a dead letter is retried twice where a shard comes back, on Kafka',
    scenario: 'letters on Kafka',
    file: 'mailbox/inbox.js',
    from: 'this.retried = state.retried;',
    to: '',
  },
  {
    name: 'a dead letter is retried of which it is not certain yet that it stays, on Kafka',
    scenario: 'letters on Kafka',
    file: 'actors/dead-letter-file.js',
    from: 'return last?.marker.program?.bytes ?? 0;',
    to: 'return Number.POSITIVE_INFINITY;',
  },
  {
    name: 'which dead letters were retried is forgotten when a shard comes back',
    scenario: 'letters on two hosts',
    file: 'mailbox/inbox.js',
    from: 'this.retried = state.retried;',
    to: '',
  },
  {
    name: 'a shard hands over before it has retried what was ordered of it',
    firstSeed: 298,
    scenario: 'letters on two hosts',
    file: 'recovery/epoch-driver.js',
    from: 'processed.isCaughtUp && isRetried',
    to: 'processed.isCaughtUp',
  },
  {
    name: 'a dead letter is retried when the input has ended, and nobody reads what comes of it',
    firstSeed: 54,
    scenario: 'letters on two hosts',
    file: 'recovery/fill-epoch.js',
    from: 'retry !== null && !hasEnded(context)',
    to: 'retry !== null',
  },
]
