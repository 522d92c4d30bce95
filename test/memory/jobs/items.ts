/** Rows that follow from their numbers, and what jobs over them must come to. `ITEMS` says how many. */
export const ITEMS = Number(process.env.ITEMS ?? 10_000)
export const DAY = 86_400_000_000
export const USERS = 1000
export const BUCKETS = 16

/** Every so many rows go to the actor, with a text of 2 KB. */
const EVERY = 20
export const isOrdered = (n: number): boolean => n % EVERY === 0
export const longText = (n: number): string => `${n}:`.padEnd(2000, `${n % 10}`)

/** Two days of items, not in order; all keys are of their own. */
export const timeOf = (n: number): number => (Math.imul(n, 2654435761) >>> 0) % ITEMS
export const at = (n: number): number => Math.floor((timeOf(n) * 2 * DAY) / ITEMS)
export const userOf = (n: number): number => Math.floor(n / EVERY) % USERS
export const user = (n: number): string => `user-${userOf(n)}`
export const bucket = (n: number): number => n % BUCKETS
const PAD = 'x'.repeat(100)
export const key = (n: number): string => `${(Math.imul(n, 40503) >>> 0).toString(16)}-${PAD}-${n}`

/** So many narrow rows find each wide one. */
export const NARROW = 4

/** A text of 20 to 100 KB. */
export const wideText = (n: number): string => `${n}:`.padEnd(20_000 + ((n * 7919) % 80_000), `${n % 10}`)
