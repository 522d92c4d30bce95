/**
 * Bugs to plant: each is one change in a built file, which the simulation must notice. `from` must be there exactly once,
 * so that a bug which cannot be planted any more fails its test.
 */
export const planted = [
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
    file: 'recovery/recover.js',
    from: 'from.epoch + 1, end)',
    to: 'from.epoch + 2, end)',
  },
  {
    name: 'a store comes back with positions one too far',
    file: 'mailbox/inbox.js',
    from: 'this.#partition, state.positions[s])',
    to: 'this.#partition, state.positions[s] + 1)',
  },
  {
    name: 'watermarks are forgotten when a shard comes back',
    file: 'mailbox/inbox.js',
    from: 'sender.edges.forEach((edge, e) => sender.watermarks.set(edge, state.watermarks[s][e]));',
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
    from: ', ...receivers.map((receiver) => board.retained(receiver, cell) + 1)',
    to: '',
  },
  {
    name: 'a log is trimmed below the newest snapshot and not the oldest',
    file: 'recovery/log-trim.js',
    from: 'const own = board.retained(cell, cell);',
    to: 'const own = board.announced(cell);',
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
    name: 'what is due is forgotten when a shard comes back',
    file: 'recovery/epoch-driver.js',
    from: 'shard.last?.isCaughtUp ?? true',
    to: 'true',
  },
  {
    name: 'a finished shard leaves its backlog behind',
    file: 'recovery/epoch-driver.js',
    from: 'await this.#outlast();',
    to: '',
  },
  {
    name: 'a host is replaced before it is dead',
    file: 'actors/supervisor.js',
    from: "this.#hosts[host].kill('SIGKILL');",
    to: "this.#onExit(host, null, 'SIGKILL');",
  },
]
