/**
 * Shards that die in user code: how often, without getting on, and what was found out about it. Deaths from outside never
 * come here, and no row is left out that has not been seen to end a shard in a trial.
 */
import { unreachable } from '../base/errors.ts'
import type { ShardId } from '../base/ids.ts'
import type { Skips } from '../recovery/fill-epoch.ts'
import type { Verdict } from './poison-search.ts'
import type { BoardChange, HostConfig, Place } from './protocol.ts'
import { Quarantine } from './quarantine.ts'
import type { ShardSkips } from './shard-group.ts'
import type { SupervisorServices } from './supervisor.ts'

/** Deaths at one epoch before a shard is looked into. */
const DEATHS_MAX = 2

export interface SuspectEvents {
  onQuarantined(shard: ShardId): void
  /** What is done about it, and what came of that. */
  onNote(note: string): void
  /** It may be run again: its disposable host is certainly dead. */
  onReleased(shard: ShardId, skips: Skips | null): void
}

interface Suspect {
  epoch: number
  deaths: number
  /** Deaths until it is looked into: more, where that came to nothing. */
  deathsMax: number
}

export class Suspects {
  readonly #config: () => Omit<HostConfig, 'host'>
  readonly #services: SupervisorServices
  readonly #events: SuspectEvents
  readonly #suspects = new Map<ShardId, Suspect>()
  readonly #quarantined = new Map<ShardId, Quarantine>()
  readonly #skips = new Map<ShardId, Skips>()

  constructor(config: () => Omit<HostConfig, 'host'>, services: SupervisorServices, events: SuspectEvents) {
    this.#config = config
    this.#services = services
    this.#events = events
  }

  /** Shards that must not be run now. */
  get held(): ShardId[] {
    return [...this.#quarantined.keys()]
  }

  /** What shards are to leave out: where they have come past it, it does nothing. */
  get skips(): ShardSkips[] {
    return [...this.#skips]
  }

  pids(): number[] {
    return [...this.#quarantined.values()].flatMap(({ pid }) => pid ?? [])
  }

  /**
   * A shard died in user code; enough of that, and it is quarantined.
   * @param place in which call, 0 where that is not known @param epoch how far it was seen to be
   * @param board how far all are
   * @param hangs it was in a call that did not come back: it is looked into at once, for each such life takes long
   */
  add({ shard, call }: Place, epoch: number, board: readonly BoardChange[], hangs: boolean): void {
    if (this.#quarantined.has(shard)) return
    const deathsMax = hangs ? 1 : DEATHS_MAX
    const suspect = this.#suspects.get(shard) ?? { epoch, deaths: 0, deathsMax }
    if (suspect.epoch !== epoch) Object.assign(suspect, { epoch, deaths: 0, deathsMax })
    suspect.deaths++
    this.#suspects.set(shard, suspect)
    if (suspect.deaths < suspect.deathsMax) return
    suspect.deathsMax *= 2
    this.#events.onQuarantined(shard)
    this.#events.onNote(
      `shard ${shard} died ${suspect.deaths === 1 ? 'once' : `${suspect.deaths} times`} in epoch ${epoch + 1}: it stands still while trials look for the row that ends it`,
    )
    const quarantine = new Quarantine({ shard, call }, { ...this.#config(), skips: this.skips }, board, this.#services)
    this.#quarantined.set(shard, quarantine)
    quarantine.verdict.then((verdict) => this.#release(shard, verdict))
  }

  /** Ends what is under way: everything is to end. */
  end(): void {
    for (const quarantine of this.#quarantined.values()) quarantine.end()
  }

  #release(shard: ShardId, verdict: Verdict): void {
    this.#quarantined.delete(shard)
    if (verdict.kind !== 'ended') this.#events.onNote(`trials of shard ${shard} are over: ${said(verdict)}`)
    if (verdict.kind === 'found') this.#suspects.delete(shard)
    const skips = skipsAfter(verdict, this.#skips.get(shard))
    if (skips !== null) this.#skips.set(shard, skips)
    this.#events.onReleased(shard, this.#skips.get(shard) ?? null)
  }
}

/** Where nothing is known of how many end it. */
const REPLAYED_ROWS = 256
/** Some epochs of so many fit into one life. */
const rowsOf = ({ calls }: Verdict & { kind: 'together' }): number => Math.max(1, Math.floor(calls / 4))

function said(verdict: Exclude<Verdict, { kind: 'ended' }>): string {
  switch (verdict.kind) {
    case 'found': {
      const count = verdict.poison.length
      const reasons = [...new Set(verdict.poison.map(({ reason }) => reason))].join('; ')
      return `${count === 1 ? 'one row ends' : `${count} rows end`} it (${reasons}), and go${count === 1 ? 'es' : ''} to the dead letters`
    }
    case 'together':
      return (
        `${verdict.calls} calls together end it (${verdict.reason}) and none of them alone, so a function may keep what it is given: ` +
        `from now on it takes ${rowsOf(verdict)} rows an epoch, or as few as come together`
      )
    case 'replaying':
      return `it dies while it replays (${verdict.reason}): from now on it stores each epoch`
    case 'hopeless':
      return `it dies whatever is left out (${verdict.reason})`
    case 'innocent':
      return 'it lives, so nothing is left out'
    default:
      return unreachable(verdict)
  }
}

/**
 * What a shard leaves out, and how it goes on, after trials: one does not undo the other.
 * @param before what the shard leaves out already
 * @returns null where nothing comes to it
 */
export function skipsAfter(verdict: Verdict, before: Skips = { leftOut: null, fewRows: null }): Skips | null {
  switch (verdict.kind) {
    case 'found':
      return { ...before, leftOut: leftOutOf(verdict, before) }
    case 'together':
      // Calls are left out of all the records that an epoch had: with fewer of them it is another one.
      return { leftOut: before.leftOut?.kind === 'rows' ? before.leftOut : null, fewRows: rowsOf(verdict) }
    case 'replaying':
      return { ...before, fewRows: before.fewRows ?? REPLAYED_ROWS }
    default:
      return null
  }
}

function leftOutOf({ input, poison }: Verdict & { kind: 'found' }, before: Skips): Skips['leftOut'] {
  if (input.kind === 'calls') {
    const calls = poison.map(({ number, reason, stack }) => ({ call: number, reason, stack }))
    return { kind: 'calls', epoch: input.epoch, slices: input.slices, retry: input.retry, calls }
  }
  const { splits, offsets } = input
  const rows = poison.map(({ number, reason, stack }) => {
    return { split: splits[number - 1]!, offset: offsets[number - 1]!, reason, stack }
  })
  return { kind: 'rows', rows: [...(before.leftOut?.kind === 'rows' ? before.leftOut.rows : []), ...rows] }
}
