/** What may go wrong in a simulation, and when: a plan that follows from the seed, as plain data that can be shown and cut down. */
import { below, pick, type Random } from './random.ts'

/** Steps of the protocol at which a life may end; see docs/recovery.md. */
export const CRASH_POINTS = [
  ...['filled', 'processed', 'prepared', 'appending', 'marked', 'published', 'before-store', 'storing', 'stored'],
  ...['fenced', 'store-fenced', 'inherited', 'replayed'],
  ...['snapshot-copied', 'snapshot-chunk', 'snapshot-written', 'snapshot-collected', 'restoring', 'restored'],
] as const

export type Fault =
  /** The host (or only the worker) dies at the `nth` time that any shard comes to a point, perhaps with that shard's store. */
  | {
      readonly kind: 'crash-point'
      readonly point: string
      readonly nth: number
      readonly victim: 'host' | 'worker'
      readonly losesStore: boolean
    }
  /** At a moment, in virtual milliseconds. */
  | {
      readonly kind: 'kill-host' | 'kill-worker' | 'kill-supervisor' | 'power-loss' | 'snapshot' | 'drain'
      readonly at: number
    }
  /** A host is stopped, and goes on later, if it was not killed. */
  | { readonly kind: 'stop-host'; readonly at: number; readonly forMs: number }
  /** Writes fail for a while; whoever runs the system makes room and starts it again. */
  | { readonly kind: 'disk-full'; readonly at: number; readonly forMs: number }
  | { readonly kind: 'clock-jump'; readonly at: number; readonly byMs: number }
  /** A stage gets another number of shards, while it runs or while it is down. */
  | { readonly kind: 'rescale'; readonly at: number; readonly which: number; readonly shards: number }
  /** The supervisor dies while a host is stopped. */
  | { readonly kind: 'stop-host-kill-supervisor'; readonly at: number }
  /** Everything dies; a store is gone, or is damaged, before it starts again. */
  | { readonly kind: 'lose-store' | 'damage-store' | 'damage-snapshot'; readonly at: number; readonly which: number }

const TIMED = ['kill-host', 'kill-worker', 'kill-supervisor', 'power-loss', 'snapshot', 'drain'] as const
const LOSSES = ['lose-store', 'damage-store', 'damage-snapshot'] as const
const HOUR_MS = 3_600_000

/** @param lastingMs about how long the run would last unharmed */
export function planFaults(random: Random, count: number, lastingMs: number): Fault[] {
  return Array.from({ length: count }, (): Fault => {
    const at = random() * lastingMs * 1.5
    const kind = random()
    if (kind < 0.45) {
      const victim = random() < 0.7 ? 'host' : 'worker'
      return {
        kind: 'crash-point',
        point: pick(random, CRASH_POINTS),
        nth: 1 + below(random, 25),
        victim,
        losesStore: random() < 0.2,
      }
    }
    if (kind < 0.75) return { kind: pick(random, TIMED), at }
    if (kind < 0.81) return { kind: 'stop-host', at, forMs: random() * 3_000 }
    if (kind < 0.85) return { kind: 'clock-jump', at, byMs: (random() - 0.5) * 2 * HOUR_MS }
    if (kind < 0.89) return { kind: 'rescale', at, which: below(random, 1000), shards: 1 + below(random, 5) }
    if (kind < 0.91) return { kind: 'stop-host-kill-supervisor', at }
    if (kind < 0.93) return { kind: 'disk-full', at, forMs: random() * 50 }
    return { kind: pick(random, LOSSES), at, which: below(random, 1000) }
  })
}
