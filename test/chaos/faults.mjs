/** What is done to a run, and when: a plan that follows from the seed. */

/** Steps of the protocol at which a host, or a worker, ends itself; see docs/recovery.md. */
const POINTS = [
  ...['filled', 'processed', 'prepared', 'appending', 'marked', 'published', 'before-store', 'storing', 'stored'],
  ...[
    'fenced',
    'store-fenced',
    'replayed',
    'snapshot-copied',
    'snapshot-chunk',
    'snapshot-written',
    'snapshot-collected',
  ],
]
/** Those that come only behind another fault. */
const POINTS_BEHIND = { inherited: 'rescale', restoring: 'lose-store', restored: 'lose-store' }

/** How often each comes, beside the others. */
const KINDS = Object.entries({
  'kill-host': 4,
  'stop-host': 1,
  'kill-supervisor': 2,
  'stop-hosts-kill-supervisor': 1,
  'worker-exit': 2,
  'worker-memory': 1,
  'worker-hang': 1,
  'worker-rejection': 2,
  'disk-full': 1,
  'clock-jump': 2,
  rescale: 3,
  'lose-store': 1,
  'damage-store': 1,
  'damage-log': 1,
  'damage-snapshot': 1,
}).flatMap(([kind, weight]) => new Array(weight).fill(kind))

/** And in a job that has dead letters. */
const LETTER_KINDS = ['retry-letters', 'retry-letters', 'retry-letters', 'retry-letters-while-down']
const WITH_LETTERS = [...KINDS, ...LETTER_KINDS, ...LETTER_KINDS]

/** Those that there are, by job. */
export const faultKinds = (job) => [...new Set(job === 'letters' ? WITH_LETTERS : KINDS)]

/**
 * @param only faults of these kinds alone, and no crash points; null for all
 * @param hasLetters whether the job has dead letters
 * @returns points at which lives end one after the other; what is done at fractions of the input, in order; and whether the
 *   logs are kept as a whole
 */
export function planRun(random, only, hasLetters) {
  const all = hasLetters ? WITH_LETTERS : KINDS
  const kinds = only === null ? all : all.filter((kind) => only.includes(kind))
  const pick = (from) => from[Math.floor(random() * from.length)]
  const how = () => (random() < 0.4 ? ':exit' : '')
  const points = Array.from({ length: only === null ? Math.floor(random() * 3) : 0 }, () => {
    return `${pick(POINTS)}:*:${1 + Math.floor(random() * 12)}${how()}`
  })
  const behind = only === null && random() < 0.3 ? pick(Object.keys(POINTS_BEHIND)) : null
  if (behind !== null) points.push(`${behind}:*:1${how()}`)
  // A job with letters waits with its input before the end, and there is something to retry in each.
  const timed = Array.from({ length: (hasLetters ? 3 : 1) + Math.floor(random() * 3) }, () => ({
    at: random() * (hasLetters ? 0.7 : 0.9),
    kind: pick(kinds),
    // Which of those that there are, and where in it.
    which: random(),
    where: random(),
  }))
  if (behind !== null)
    timed.push({ at: 0.3 + random() * 0.4, kind: POINTS_BEHIND[behind], which: random(), where: random() })
  timed.sort((a, b) => a.at - b.at)
  return { points, timed, keepsAll: random() < 0.35 }
}
