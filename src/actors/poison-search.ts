/**
 * Finds the calls (or rows of a source) that end whoever makes them, by trials: the last call of the shortest beginning
 * of the epoch that dies is one, and with it left out the search goes on, until the epoch lives. A binary search, whose
 * first guess is the call in which a trial was seen to die.
 */
import type { Trial, TrialInput } from '../recovery/trial.ts'

/** What came of a trial. */
export type TrialOutcome =
  | { readonly lived: true; readonly input: TrialInput | null }
  /** @property call in which call it was, 0 where that is not known */
  | { readonly lived: false; readonly call: number; readonly reason: string; readonly stack: string | null }

/** What a call, or row, did to whoever took it. */
export interface Poison {
  /** From 1: of the calls of the epoch, or the rows of the input. */
  readonly number: number
  readonly reason: string
  readonly stack: string | null
}

export type Verdict =
  /** The epoch lives: with nothing left out, or without these. */
  | { readonly kind: 'found'; readonly input: TrialInput; readonly poison: readonly Poison[] }
  /** It lives as it is, or has no input: the deaths came from elsewhere. */
  | { readonly kind: 'innocent' }
  /** It dies with every call left out, or of too many. */
  | { readonly kind: 'hopeless'; readonly reason: string }

const CALLS_MAX = 2 ** 31
/** More than so many in one epoch are no matter of single rows. */
const POISON_MAX = 100

export class PoisonSearch {
  #input: TrialInput | null = null
  readonly #poison: Poison[] = []
  /** The last call of a beginning that lived, and of one that died. */
  #lived = 0
  #died: Poison = { number: CALLS_MAX, reason: '', stack: null }
  #isSeen = false
  #asked: number | null = null
  #step: 'look' | 'all' | 'none' | 'between' = 'look'

  /** The next trial. */
  next(): Trial {
    const without = this.#poison.map(({ number }) => number)
    this.#asked = this.#step === 'between' ? this.#middle() : this.#step === 'none' ? 0 : Number.POSITIVE_INFINITY
    return { input: this.#input, last: this.#asked, without }
  }

  /** Takes what came of it; null when more trials are needed. */
  take(outcome: TrialOutcome): Verdict | null {
    if (this.#step === 'look') return this.#look(outcome)
    if (outcome.lived) {
      if (outcome.input === null) return { kind: 'innocent' }
      if (this.#step === 'all') {
        return this.#poison.length === 0
          ? { kind: 'innocent' }
          : { kind: 'found', input: this.#input!, poison: this.#poison }
      }
      this.#lived = this.#asked!
      // The call in which the last trial died has been tried: the guess is used up.
      if (this.#step === 'between') this.#isSeen = false
    } else {
      if (this.#step === 'none') return { kind: 'hopeless', reason: outcome.reason }
      const { call, reason, stack } = outcome
      const size = this.#input!.kind === 'rows' ? this.#input!.offsets.length : CALLS_MAX
      // Later calls than the one in which it died were never made.
      const isSeen = this.#input!.kind === 'calls' && call > this.#lived
      const number = Math.min(size, this.#asked!, isSeen ? call : CALLS_MAX)
      this.#died = { number, reason, stack }
      this.#isSeen = isSeen
      if (this.#step === 'all') {
        this.#step = 'none'
        return null
      }
    }
    this.#step = 'between'
    if (this.#died.number - this.#lived > 1) return null
    if (this.#poison.length === POISON_MAX) return { kind: 'hopeless', reason: this.#died.reason }
    this.#poison.push(this.#died)
    // Everything up to it lives without it; what comes behind is not known yet.
    this.#step = 'all'
    this.#lived = 0
    return null
  }

  #look(outcome: TrialOutcome): Verdict | null {
    if (!outcome.lived) return { kind: 'hopeless', reason: outcome.reason }
    if (outcome.input === null) return { kind: 'innocent' }
    this.#input = outcome.input
    this.#step = 'all'
    return null
  }

  /** Where it was seen to die is right nearly always: the call before must live. */
  #middle(): number {
    return this.#isSeen ? this.#died.number - 1 : Math.floor((this.#lived + this.#died.number) / 2)
  }
}
